/* SPDX-License-Identifier: Apache-2.0 */
/* Who of a worker goes on, and when: what came in for several sessions in one turn of the loop is
 * answered together.  The worker's thread.
 *
 * A session that was touched is not freed before its resumes() is called, which may free it. */
#ifndef JETON_DAEMON_NET_SCHEDULER_H
#define JETON_DAEMON_NET_SCHEDULER_H

#include "daemon/session/session.h"

/* It goes on at the end of this turn, once, however often it is touched. */
void scheduler_touch(struct session *s);

/* It goes on after others had their turn. */
void scheduler_yield(struct session *s);

/* Delivers the worker's mail, and when all is delivered ends the turn and lets those go on that rested.
 * False: there is more; the worker is woken again for it, after others had theirs. */
bool scheduler_deliver_mail(struct worker *worker);

/* Answers what came in during this turn of the worker, and lets those go on that were touched, or that
 * waited for room. */
void scheduler_end_turn(struct worker *worker);

#endif
