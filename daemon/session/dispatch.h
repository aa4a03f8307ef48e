/* SPDX-License-Identifier: Apache-2.0 */
/* From the lines of a session to what answers them: one row of a table for each verb.
 * The worker's thread. */
#ifndef JETON_DAEMON_SESSION_DISPATCH_H
#define JETON_DAEMON_SESSION_DISPATCH_H

#include "daemon/session/session.h"

/* Does what can be done now with what is in the session's `in`; replies go to its `out`.  Until
 * dispatch_end() some verifications may not be answered, nor their lines dropped: those of all
 * sessions of a worker are judged together. */
void dispatch_run(struct session *s);
void dispatch_end(struct session *s);

/* Answers what the worker's sessions have left so far. */
void dispatch_answer(struct worker *worker);

#endif
