/* SPDX-License-Identifier: Apache-2.0 */
/* Whether what a verifier answered makes sense.  Pure. */
#ifndef JETON_DAEMON_VERIFY_ANSWER_H
#define JETON_DAEMON_VERIFY_ANSWER_H

#include "daemon/verify/result.h"

/* Makes a say out of an outcome and an answer.  Returns NULL, or what is wrong with the answer: the
 * say is then an error.  The identity of a pass has its scopes put in order, and is cut down to
 * what `known` (NULL: nobody yet) leaves of it. */
const char *answer_check(int outcome, struct jeton_answer *answer,
                         const struct jeton_identity *known, int64_t now,
                         struct verifier_result *say);

#endif
