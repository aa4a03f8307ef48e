/* SPDX-License-Identifier: Apache-2.0 */
/* Check what a verifier module answered: it is foreign code, and its answer may make no sense.
 * Pure. */
#ifndef JETON_DAEMON_VERIFY_ANSWER_H
#define JETON_DAEMON_VERIFY_ANSWER_H

#include "daemon/verify/stack_result.h"

/* Make a result out of an outcome and an answer.  Return NULL; or what is wrong with the answer,
 * and the result is an error.  Sort the scopes of a pass's identity, and cut the identity down to
 * what `known` (NULL: none yet), that of an earlier verifier, allows. */
const char *answer_check(int outcome, struct jeton_answer *answer,
                         const struct jeton_identity *known, int64_t now,
                         struct verifier_result *result);

#endif
