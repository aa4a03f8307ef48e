/* SPDX-License-Identifier: Apache-2.0 */
/* A session's verifications before stacks that are more than the table, in order: those that wait
 * for a verifier on a pool, and those that are decided behind them.  The worker's thread.
 *
 * What is decided first waits for what was asked first; the client sees replies in its order. */
#ifndef JETON_DAEMON_SESSION_PENDING_VERIFY_H
#define JETON_DAEMON_SESSION_PENDING_VERIFY_H

#include "daemon/session/session.h"

enum { PENDING_VERIFY_MAX = 16 }; /* verifications under way of one session */

/* Hears it, and appends its reply if it is decided and nothing waits before it.  False: no memory;
 * the session is ended. */
bool pending_verify_begin(struct session *s, const struct stack *stack,
                          const struct question *asked, struct slice service, int64_t now);

/* An job came home: the verification goes on.  Returns its session, whose replies may have
 * grown, and for which something else may be ready now. */
struct session *pending_verify_resume(struct mail *mail);

/* Gives up all that is under way, but for jobs that are coming home already. */
void pending_verify_close(struct session *s);

#endif
