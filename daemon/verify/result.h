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
#ifndef JETON_TALLY_H
#define JETON_TALLY_H

#include "daemon/verifiers/verifier.h"
#include "proto/status.h"

enum control {
    CONTROL_REQUIRED,
    CONTROL_REQUISITE,
    CONTROL_SUFFICIENT,
    CONTROL_OPTIONAL,
    CONTROL_COUNT
};

enum { OUTCOME_COUNT = JETON_VERIFIER_ERROR + 1 };

/* One verifier's say. */
struct say {
    enum jeton_outcome outcome;
    enum status reason;         /* of a fail */
    int64_t retry_after;        /* seconds; 0: not said */
    bool vouches;               /* a pass that says whom the value stands for */
    bool baseless;              /* a fail for want of an identity: it says nothing of why */
    char message[200];          /* ""; or why it fails, for people */
};

struct tally {
    bool passed;                /* something that counts passed */
    bool vouched;
    bool refused;               /* something that had to pass did not */
    struct say no;              /* why refused */
    struct say noted;           /* the most telling of what counts for nothing */
};

/* The control word's number, or CONTROL_COUNT. */
enum control control_named(struct slice word);
const char *control_name(enum control control);

void tally_begin(struct tally *t);

/* Takes what the next verifier says.  True: that ends it. */
bool tally_take(struct tally *t, enum control control, const struct say *say);

/* What it comes to: STATUS_OK, a reason for no, or STATUS_UNAVAILABLE. */
enum status tally_result(const struct tally *t);

/* The say that this result is due to, if it is a no: its message and its retry_after. */
const struct say *tally_decisive(const struct tally *t);

#endif
