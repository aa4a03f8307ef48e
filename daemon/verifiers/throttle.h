/* SPDX-License-Identifier: Apache-2.0 */
/* The verifier "throttle": denies users whose verifications keep failing.
 *
 *     failures=20         how many a user may have at once, and again in each ...
 *     per=60s
 *     by=uid              client: count for each client= of a user apart; uid where none is given
 *
 * It stands first in a stack, as requisite.  Each failed verification by a user (the one that the
 * kernel names) takes one of the user's failures, which are given back evenly in time.  Who has
 * none left is denied without further work.  Who only succeeds is never denied. */
#ifndef JETON_DAEMON_VERIFIERS_THROTTLE_H
#define JETON_DAEMON_VERIFIERS_THROTTLE_H

#include "daemon/verifiers/verifier.h"

extern const struct jeton_verifier throttle_verifier;

/* Count a failed verification of the stack; not one that the throttle itself denied.  `client` may
 * be NULL. */
void throttle_failed(void *instance, uid_t uid, const char *client);

#endif
