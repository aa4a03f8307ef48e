/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the worker threads still turn: each is asked through its mailbox, and its event loop
 * answers.  The writer_thread is not asked: it may wait for the disk as long as that takes. */
#ifndef JETON_DAEMON_SESSION_PULSE_H
#define JETON_DAEMON_SESSION_PULSE_H

#include "daemon/session/context.h"

/* Asks every worker for a sign of life.  The main thread. */
void worker_ask_alive(struct server *server);

/* True if every worker has answered what it was last asked.  The main thread. */
bool worker_all_alive(const struct server *server);

/* The worker's answer. */
void worker_answer_alive(struct worker *worker);

#endif
