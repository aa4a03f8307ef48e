/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the worker threads still turn: each is asked through its mailbox, and its event loop
 * answers.  The keeper is not asked: it may wait for the disk as long as that takes. */
#ifndef JETON_PULSE_H
#define JETON_PULSE_H

#include "daemon/session/context.h"

/* Asks every worker for a sign of life.  The main thread. */
void pulse_ask(struct server *server);

/* True if every worker has answered what it was last asked.  The main thread. */
bool pulse_answered(const struct server *server);

/* The worker's answer. */
void pulse_answer(struct lane *lane);

#endif
