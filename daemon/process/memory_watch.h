/* SPDX-License-Identifier: Apache-2.0 */
/* Warn when the process's memory keeps growing while verifiers from shared objects are called: one
 * of them may leak.  The main thread only.
 *
 * Nothing tells which part of a process owns which memory; but the daemon can estimate its own
 * need.  Growth beyond that, while verifiers from shared objects were called, is blamed on them, by
 * name. */
#ifndef JETON_DAEMON_PROCESS_MEMORY_WATCH_H
#define JETON_DAEMON_PROCESS_MEMORY_WATCH_H

#include "daemon/process/memory_return.h"

struct memory_watch {
    unsigned ticks;
    struct memory_return memory_return;
    int statm; /* /proc/self/statm; -1: not readable, so nothing is watched */
    /* As of the last look that later ones are compared with: */
    uint64_t bytes; /* memory of the process */
    uint64_t own;   /* the part that the daemon needs itself, at most */
    uint64_t calls; /* of verifiers from shared objects */
};

void memory_watch_begin(struct memory_watch *m);
void memory_watch_end(struct memory_watch *m);

/* Call memory_return_tick(), and memory_watch_look() every few seconds; call this once a second. */
void memory_watch_tick(struct memory_watch *m, const struct server *server);

/* Compare memory and calls with those of an earlier look. */
void memory_watch_look(struct memory_watch *m, const struct server *server);

#endif
