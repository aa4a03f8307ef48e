/* SPDX-License-Identifier: Apache-2.0 */
/* Validate the claims of a JWT whose signature is valid, and make an identity of them. */
#ifndef JETON_DAEMON_VERIFIERS_JWT_CLAIMS_H
#define JETON_DAEMON_VERIFIERS_JWT_CLAIMS_H

#include <jansson.h>

#include "daemon/verifiers/arguments.h"

/* Constant once the verifier is open.  The texts belong to its creator. */
struct jwt_policy {
    struct argument_list issuers;   /* "*": any, or none */
    struct argument_list audiences; /* "*": any, or none */
    int64_t leeway;                 /* seconds of clock skew that are tolerated */
    const char *subject_claim;
    const char *scopes_claim;
    const char *id_claim;
    const char *typ; /* NULL: any */
    bool require_exp;
};

/* Return JETON_VERIFIER_PASS with an identity, or JETON_VERIFIER_FAIL with reason and message. */
int jwt_claims_verify(const struct jwt_policy *policy, const json_t *header, const json_t *claims,
                      const struct jeton_question *question, struct jeton_answer *answer);

/* Fill in reason and message, and return JETON_VERIFIER_FAIL. */
int jwt_answer_fail(struct jeton_answer *answer, enum jeton_reason reason, const char *message);

#endif
