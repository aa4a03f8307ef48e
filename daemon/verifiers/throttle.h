/* SPDX-License-Identifier: Apache-2.0 */
/* The verifier that turns away users whose verifications keep failing.
 *
 *     failures=20         how many a user may have at once, and again in each ...
 *     per=60s
 *
 * Put it first, as requisite.  Each failed verification of a user (the process's, as the kernel
 * says) takes one of his failures; they come back evenly in time.  Who has none left is denied
 * without further work.  Who only succeeds loses none, and is never denied. */
#ifndef JETON_DAEMON_VERIFIERS_THROTTLE_H
#define JETON_DAEMON_VERIFIERS_THROTTLE_H

#include "daemon/verifiers/verifier.h"

extern const struct jeton_verifier throttle_verifier;

/* What the stack has come to; not for what the throttle itself denied. */
void throttle_failed(void *instance, uid_t uid);

#endif
