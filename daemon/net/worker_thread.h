/* SPDX-License-Identifier: Apache-2.0 */
/* A worker: one thread, one event loop without locks, its share of the connections. */
#ifndef JETON_DAEMON_NET_WORKER_THREAD_H
#define JETON_DAEMON_NET_WORKER_THREAD_H

#include "daemon/session/context.h"

/* Makes a worker ready for its thread; `number` counts from 0.  0 or -errno. */
int worker_init(struct worker *worker, struct server *server, unsigned number);

/* Starts its thread; 0 or -errno. */
int worker_start(struct worker *worker);

/* Call about once a second, from any thread: the worker then looks for connections that are past a
 * deadline.  With a timer of its own every wait for input would set a timer in the kernel. */
void worker_tick(struct worker *worker);

/* Lets the connections finish what they were sent, then ends the thread; those that take longer
 * than a few seconds are cut off.  Call for every worker before the first worker_join(). */
void worker_stop(struct worker *worker);
void worker_join(struct worker *worker);

/* Frees the worker and its connections.  The writer_thread has stopped. */
void worker_free(struct worker *worker);

/* Whether the workers' event loops still run: ask each through its mailbox, and see later whether all
 * have answered.  The writer's thread is not asked: it may wait for the disk as long as that takes.
 * The main thread. */
void worker_ask_alive(struct server *server);
bool worker_all_alive(const struct server *server);

#endif
