/* SPDX-License-Identifier: Apache-2.0 */
/* From the lines of a session to the handlers that carry them out: a table with one row for each
 * verb; what a line may hold is in proto/request.h.  The worker's thread. */
#ifndef JETON_DAEMON_SESSION_DISPATCH_H
#define JETON_DAEMON_SESSION_DISPATCH_H

#include "daemon/session/session.h"

/* Do what can be done now with what is in the session's `in`; replies go to its `out`.  Set its
 * `wait`.  Until dispatch_end() some verifications may not be answered, nor their lines dropped:
 * those of all sessions of a worker are answered together. */
void dispatch_run(struct session *s);
void dispatch_end(struct session *s);

#endif
