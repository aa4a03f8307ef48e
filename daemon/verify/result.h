/* SPDX-License-Identifier: Apache-2.0 */
/* What the verifiers of a stack said so far, by the rules of PAM (pam.conf(5)), and what that comes
 * to.  Pure.
 *
 *     required    a no or an error is the end result, but the rest is asked
 *     requisite   a no or an error ends it
 *     sufficient  a pass ends it, unless something required said no before; a no or an error counts
 *                 for nothing
 *     optional    counts only if nothing else does
 *
 * In four points a stack of verifiers is not one of PAM's.
 *   A pass needs somebody who vouches: without an identity nothing is passed.
 *   Revoked and disabled end it whatever the control word: who revokes a token relies on it.
 *   A required no outweighs an error, whichever came first: the question is answered then.
 *   Where nothing decided, what counted for nothing says why: an error, for then nobody knows; else
 *   the first reason of a verifier that knew the value, or at least its form; else it is unknown,
 *   also if somebody had nothing against it. */
#ifndef JETON_DAEMON_VERIFY_RESULT_H
#define JETON_DAEMON_VERIFY_RESULT_H

#include "daemon/config/service_config.h"
#include "daemon/verifiers/verifier.h"
#include "proto/status.h"

enum { OUTCOME_COUNT = JETON_VERIFIER_ERROR + 1 };

/* One verifier's say. */
struct verifier_result {
    enum jeton_outcome outcome;
    enum status reason;  /* of a fail */
    int64_t retry_after; /* seconds; 0: not said */
    bool vouches;        /* a pass that says whom the value stands for */
    bool baseless;       /* a fail for want of an identity: it says nothing of why */
    char message[200];   /* ""; or why it fails, for people */
};

struct stack_result {
    bool passed; /* something that counts passed */
    bool vouched;
    bool refused;                 /* something that had to pass did not */
    struct verifier_result no;    /* why refused */
    struct verifier_result noted; /* the most telling of what counts for nothing */
};

void stack_result_begin(struct stack_result *t);

/* Takes what the next verifier says.  True: that ends it. */
bool stack_result_add(struct stack_result *t, enum control control,
                      const struct verifier_result *say);

/* What it comes to: STATUS_OK, a reason for no, or STATUS_UNAVAILABLE. */
enum status stack_result_status(const struct stack_result *t);

/* The say that this result is due to, if it is a no: its message and its retry_after. */
const struct verifier_result *stack_result_reason(const struct stack_result *t);

#endif
