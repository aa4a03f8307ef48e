/* SPDX-License-Identifier: Apache-2.0 */
/* Who of a lane goes on, and when: what came in for several sessions in one turn of the loop is
 * answered together.  The lane's thread.
 *
 * A session that was touched is not freed before its resumes() is called, which may free it. */
#ifndef JETON_TURN_H
#define JETON_TURN_H

#include "daemon/session/session.h"

/* It goes on at the end of this turn, once, however often it is touched. */
void turn_touch(struct session *s);

/* It goes on after others had their turn. */
void turn_rest(struct session *s);

/* Delivers the lane's mail, and when all is delivered ends the turn and lets those go on that rested.
 * False: there is more; the lane is woken again for it, after others had theirs. */
bool turn_take_mail(struct lane *lane);

/* Answers what came in during this turn of the lane, and lets those go on that were touched, or that
 * waited for room. */
void turn_end(struct lane *lane);

#endif
