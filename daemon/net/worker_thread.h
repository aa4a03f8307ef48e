/* SPDX-License-Identifier: Apache-2.0 */
/* A worker: one thread, one event loop without locks, its share of the connections. */
#ifndef JETON_WORKER_H
#define JETON_WORKER_H

#include "daemon/session/context.h"

/* Makes a lane ready for its thread; `number` counts from 0.  0 or -errno. */
int worker_init(struct lane *lane, struct server *server, unsigned number);

/* Starts its thread; 0 or -errno. */
int worker_start(struct lane *lane);

/* Call about once a second, from any thread: the lane then looks for connections that are over
 * time.  A timer of its own would cost every wait for input a timer in the kernel. */
void worker_tick(struct lane *lane);

/* Lets the connections finish what they were sent, then ends the thread; those that take longer
 * than a few seconds are cut off.  Call for every lane before the first worker_join(). */
void worker_stop(struct lane *lane);
void worker_join(struct lane *lane);

/* Frees the lane and its connections.  The keeper has stopped. */
void worker_free(struct lane *lane);

#endif
