/* SPDX-License-Identifier: Apache-2.0 */
/* A session's verifications by stacks that are more than the table, in order: those that wait for a
 * verifier on a pool, and those that are decided behind them.  The worker's thread.
 *
 * A reply that is decided early waits for those before it: the client sees replies in its order. */
#ifndef JETON_DAEMON_SESSION_PENDING_VERIFY_H
#define JETON_DAEMON_SESSION_PENDING_VERIFY_H

#include "daemon/session/session.h"

enum { PENDING_VERIFY_MAX = 16 }; /* verifications under way of one session */

/* Begin a verification, and append its reply if it is decided and nothing waits before it.  False:
 * no memory; the session is ended. */
bool pending_verify_begin(struct session *s, const struct stack *stack,
                          const struct question *asked, struct slice service, struct slice client,
                          int64_t now);

/* Go on with the verification whose job came back.  Return its session, whose replies may have
 * grown, and whose next line may be ready now. */
struct session *pending_verify_resume(struct mail *mail);

/* Give up all that is under way.  The session is SESSION_CLOSED; while jobs are on their way back
 * it is away. */
void pending_verify_close(struct session *s);

#endif
