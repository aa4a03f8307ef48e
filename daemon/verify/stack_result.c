/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verify/stack_result.h"

enum action {
    SKIP,  /* as if it had not been asked */
    COUNT, /* a pass */
    DONE,  /* a pass that ends it, unless refused before */
    REFUSE,
    STOP, /* refuse, and ask no other verifier */
    HINT, /* decides nothing; a possible reason if nothing else decides */
};

/* clang-format off */
static const enum action actions[CONTROL_COUNT][OUTCOME_COUNT] = {
    /*                        pass   fail    ignore error */
    [CONTROL_REQUIRED]   = { COUNT, REFUSE, SKIP,  REFUSE },
    [CONTROL_REQUISITE]  = { COUNT, STOP,   SKIP,  STOP },
    [CONTROL_SUFFICIENT] = { DONE,  HINT,   SKIP,  HINT },
    [CONTROL_OPTIONAL]   = { COUNT, HINT,   SKIP,  HINT },
};
/* clang-format on */

void stack_result_begin(struct stack_result *r)
{
    r->passed = r->identified = r->refused = false;
    r->refusal = (struct verifier_result){ .outcome = JETON_VERIFIER_IGNORE };
    r->hint = r->refusal;
}

static bool is_final(const struct verifier_result *result)
{
    return result->outcome == JETON_VERIFIER_FAIL &&
           (result->reason == STATUS_REVOKED || result->reason == STATUS_DISABLED);
}

/* Return how much a result tells where nothing decided. */
static int weight(const struct verifier_result *result)
{
    switch (result->outcome) {
    case JETON_VERIFIER_ERROR:
        return 4;
    case JETON_VERIFIER_FAIL:
        if (result->lacks_identity)
            return 0;
        return result->reason == STATUS_MALFORMED ? 1 : result->reason == STATUS_UNKNOWN ? 2 : 3;
    case JETON_VERIFIER_PASS:
    case JETON_VERIFIER_IGNORE:
        break;
    }
    return 0;
}

/* Keep the first reason, except that a fail replaces an error. */
static void refuse(struct stack_result *r, const struct verifier_result *result)
{
    r->refused = true;
    if (!result->lacks_identity &&
        (r->refusal.outcome == JETON_VERIFIER_IGNORE ||
         (r->refusal.outcome == JETON_VERIFIER_ERROR && result->outcome == JETON_VERIFIER_FAIL)))
        r->refusal = *result;
}

bool stack_result_add(struct stack_result *r, enum control control,
                      const struct verifier_result *result)
{
    enum action action = is_final(result) ? STOP : actions[control][result->outcome];

    switch (action) {
    case SKIP:
        break;
    case COUNT:
    case DONE:
        r->passed = true;
        r->identified = r->identified || result->identifies;
        return action == DONE && !r->refused;
    case REFUSE:
    case STOP:
        refuse(r, result);
        return action == STOP;
    case HINT:
        if (weight(result) > weight(&r->hint))
            r->hint = *result;
        break;
    }
    return false;
}

const struct verifier_result *stack_result_reason(const struct stack_result *r)
{
    return r->refusal.outcome != JETON_VERIFIER_IGNORE ? &r->refusal : &r->hint;
}

enum status stack_result_status(const struct stack_result *r)
{
    const struct verifier_result *result = stack_result_reason(r);

    if (!r->refused && r->passed && r->identified)
        return STATUS_OK;
    switch (result->outcome) {
    case JETON_VERIFIER_ERROR:
        return STATUS_UNAVAILABLE;
    case JETON_VERIFIER_FAIL:
        return result->reason;
    case JETON_VERIFIER_PASS:
    case JETON_VERIFIER_IGNORE:
        break;
    }
    return r->identified ? STATUS_DENIED : STATUS_UNKNOWN;
}
