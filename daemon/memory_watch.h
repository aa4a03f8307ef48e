/* SPDX-License-Identifier: Apache-2.0 */
/* Notices when the daemon's own memory keeps growing while loaded verifiers are asked: one of them
 * may leak.  The main thread only.
 *
 * Nothing can tell whose memory it is that a process has; but the daemon knows what it needs
 * itself.  What grew beyond that, while verifiers from shared objects were at work, is laid at
 * their door, by name. */
#ifndef JETON_DAEMON_MEMORY_WATCH_H
#define JETON_DAEMON_MEMORY_WATCH_H

#include "daemon/session/context.h"

struct memory_watch {
    int statm;      /* /proc/self/statm; -1: it is not looked */
    uint64_t bytes; /* what there was ... */
    uint64_t own;   /* ... and what the daemon explains, when it was last in order */
    uint64_t asked; /* how often verifiers from shared objects had been */
};

void memory_watch_begin(struct memory_watch *g);
void memory_watch_end(struct memory_watch *g);

/* Looks; call it every few seconds. */
void memory_watch_look(struct memory_watch *g, const struct server *server);

#endif
