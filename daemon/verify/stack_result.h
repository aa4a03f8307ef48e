/* SPDX-License-Identifier: Apache-2.0 */
/* Combine the results of a stack's verifiers by the rules of PAM (pam.conf(5)).  Pure.
 *
 *     required    a fail or an error fails the stack, but the rest is still asked
 *     requisite   a fail or an error fails the stack at once
 *     sufficient  a pass ends it, unless something required failed before; a fail or an error
 *                 decides nothing
 *     optional    counts only if nothing else does
 *
 * In four points this is not PAM.
 *   A pass needs an identity: where no verifier supplied one, the stack does not pass.
 *   Revoked and disabled end it whatever the control word: whoever revokes a token relies on it.
 *   A required fail outweighs an error, whichever came first: the question is answered then.
 *   Where nothing decided, the reason comes from the fails and errors that decide nothing: an
 *   error, as then nobody knows; else the first reason of a verifier that knew the value, or at
 *   least its form; else unknown, also if some verifier passed without an identity. */
#ifndef JETON_DAEMON_VERIFY_STACK_RESULT_H
#define JETON_DAEMON_VERIFY_STACK_RESULT_H

#include "daemon/config/service_config.h"
#include "daemon/verifiers/verifier.h"
#include "proto/limits.h"
#include "proto/status.h"

enum { OUTCOME_COUNT = JETON_VERIFIER_ERROR + 1 };

/* One verifier's result. */
struct verifier_result {
    enum jeton_outcome outcome;
    enum status reason;  /* of a fail */
    int64_t retry_after; /* seconds; 0: not given */
    bool identifies;     /* a pass that supplies or narrows an identity */
    bool is_named;       /* a pass with an identity that has an id; then its digest: */
    uint8_t name[DIGEST_SIZE];
    bool lacks_identity; /* a fail because none was supplied before: no reason by itself */
    bool is_stale;       /* an error because the fleet's lease has run out */
    char message[200];   /* why it fails, for people; or "" */
};

/* What the results so far come to. */
struct stack_result {
    bool passed; /* something that counts passed */
    bool identified;
    bool refused;                   /* something that had to pass did not */
    struct verifier_result refusal; /* why refused */
    struct verifier_result hint;    /* of what decides nothing, the result that tells most */
};

void stack_result_begin(struct stack_result *r);

/* Add the next verifier's result.  True: no other verifier need be asked. */
bool stack_result_add(struct stack_result *r, enum control control,
                      const struct verifier_result *result);

/* Return what it comes to: STATUS_OK, a reason for NO, or STATUS_UNAVAILABLE. */
enum status stack_result_status(const struct stack_result *r);

/* Return the verifier's result that a status other than STATUS_OK is due to, with its message and
 * retry_after. */
const struct verifier_result *stack_result_reason(const struct stack_result *r);

#endif
