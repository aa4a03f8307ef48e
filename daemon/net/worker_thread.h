/* SPDX-License-Identifier: Apache-2.0 */
/* A worker: one thread, one event loop without locks, its share of the connections. */
#ifndef JETON_DAEMON_NET_WORKER_THREAD_H
#define JETON_DAEMON_NET_WORKER_THREAD_H

#include "daemon/session/context.h"

/* Make a worker ready for its thread; `number` counts from 0.  0 or -errno. */
int worker_init(struct worker *worker, struct server *server, unsigned number);

/* Start its thread; 0 or -errno. */
int worker_start(struct worker *worker);

/* Make the worker look for connections that are past a deadline.  Call about once a second, from
 * any thread: with a timer of the worker's own every wait for input would set a timer in the
 * kernel. */
void worker_tick(struct worker *worker);

/* Let the connections finish what they were sent, then end the thread; those that take longer than
 * a few seconds are cut off.  Call for every worker before the first worker_join(). */
void worker_stop(struct worker *worker);
void worker_join(struct worker *worker);

/* Free the worker and its connections.  The writer's thread has stopped. */
void worker_free(struct worker *worker);

/* Ask each worker through its mailbox whether its event loop still runs, and see later whether all
 * have answered.  The writer's thread is not asked: the disk may make it wait.  The main thread. */
void worker_ask_alive(struct server *server);
bool worker_all_alive(const struct server *server);

#endif
