/* SPDX-License-Identifier: Apache-2.0 */
/* Warn when the process's memory keeps growing while verifiers from shared objects are called: one
 * of them may leak.  The main thread only.
 *
 * Nothing tells which part of a process owns which memory; but the daemon can estimate its own
 * need.  Growth beyond that, while verifiers from shared objects were called, is blamed on them, by
 * name. */
#ifndef JETON_DAEMON_MEMORY_WATCH_H
#define JETON_DAEMON_MEMORY_WATCH_H

#include "daemon/session/context.h"

struct memory_watch {
    int statm; /* /proc/self/statm; -1: not readable, so nothing is watched */
    /* As of the last look that later ones are compared with: */
    uint64_t bytes; /* memory of the process */
    uint64_t own;   /* the part that the daemon needs itself, at most */
    uint64_t calls; /* of verifiers from shared objects */
};

void memory_watch_begin(struct memory_watch *m);
void memory_watch_end(struct memory_watch *m);

/* Compare memory and calls with those of an earlier look; call it every few seconds. */
void memory_watch_look(struct memory_watch *m, const struct server *server);

#endif
