/* SPDX-License-Identifier: Apache-2.0 */
/* What is demanded of the claims of a JWT whose signature is good, and whom they speak for. */
#ifndef JETON_DAEMON_VERIFIERS_JWT_CLAIMS_H
#define JETON_DAEMON_VERIFIERS_JWT_CLAIMS_H

#include <jansson.h>

#include "daemon/verifiers/arguments.h"

/* Texts belong to whoever made it.  It does not change while claims are judged by it. */
struct jwt_policy {
    struct argument_list issuers;   /* "*": any, or none */
    struct argument_list audiences; /* "*": any, or none */
    int64_t leeway;                 /* seconds that the clocks may be apart */
    const char *subject_claim;
    const char *scopes_claim;
    const char *id_claim;
    const char *typ; /* NULL: any */
    bool require_exp;
};

/* Passes with an identity, or fails with a reason and a message: enum jeton_outcome. */
int jwt_claims_judge(const struct jwt_policy *policy, const json_t *header, const json_t *claims,
                     const struct jeton_question *question, struct jeton_answer *answer);

/* Fills in a fail, and returns that. */
int jwt_fail(struct jeton_answer *answer, enum jeton_reason reason, const char *message);

#endif
