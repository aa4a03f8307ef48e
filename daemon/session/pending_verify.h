/* SPDX-License-Identifier: Apache-2.0 */
/* A session's verifications before stacks that are more than the table, in order: those that wait
 * for a verifier on a pool, and those that are decided behind them.  The lane's thread.
 *
 * What is decided first waits for what was asked first; the client sees replies in its order. */
#ifndef JETON_DOCKET_H
#define JETON_DOCKET_H

#include "daemon/session/session.h"

enum { DOCKET_MAX = 16 };               /* verifications under way of one session */

/* Hears it, and appends its reply if it is decided and nothing waits before it.  False: no memory;
 * the session is ended. */
bool docket_hear(struct session *s, const struct stack *stack, const struct question *asked,
                 struct slice service, int64_t now);

/* An errand came home: the verification goes on.  Returns its session, whose replies may have
 * grown, and for which something else may be ready now. */
struct session *docket_resume(struct mail *mail);

/* Gives up all that is under way, but for errands that are coming home already. */
void docket_close(struct session *s);

#endif
