/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verify/result.h"

enum action {
    SKIP,  /* as if it had not been asked */
    COUNT, /* a pass */
    DONE,  /* a pass that ends it, if nothing was refused before */
    REFUSE,
    STOP, /* refuse, and ask nobody else */
    NOTE, /* counts for nothing, but may say why */
};

/* clang-format off */
static const enum action actions[CONTROL_COUNT][OUTCOME_COUNT] = {
    /*                        pass   fail    ignore error */
    [CONTROL_REQUIRED]   = { COUNT, REFUSE, SKIP,  REFUSE },
    [CONTROL_REQUISITE]  = { COUNT, STOP,   SKIP,  STOP },
    [CONTROL_SUFFICIENT] = { DONE,  NOTE,   SKIP,  NOTE },
    [CONTROL_OPTIONAL]   = { COUNT, NOTE,   SKIP,  NOTE },
};
/* clang-format on */

void stack_result_begin(struct stack_result *t)
{
    t->passed = t->vouched = t->refused = false;
    t->no = (struct verifier_result){ .outcome = JETON_VERIFIER_IGNORE };
    t->noted = t->no;
}

static bool is_final(const struct verifier_result *say)
{
    return say->outcome == JETON_VERIFIER_FAIL &&
           (say->reason == STATUS_REVOKED || say->reason == STATUS_DISABLED);
}

/* How much a say tells where nothing decided. */
static int weight(const struct verifier_result *say)
{
    switch (say->outcome) {
    case JETON_VERIFIER_ERROR:
        return 4;
    case JETON_VERIFIER_FAIL:
        if (say->baseless)
            return 0;
        return say->reason == STATUS_MALFORMED ? 1 : say->reason == STATUS_UNKNOWN ? 2 : 3;
    case JETON_VERIFIER_PASS:
    case JETON_VERIFIER_IGNORE:
        break;
    }
    return 0;
}

/* The first reason stands, but for an error before a no. */
static void refuse(struct stack_result *t, const struct verifier_result *say)
{
    t->refused = true;
    if (!say->baseless &&
        (t->no.outcome == JETON_VERIFIER_IGNORE ||
         (t->no.outcome == JETON_VERIFIER_ERROR && say->outcome == JETON_VERIFIER_FAIL)))
        t->no = *say;
}

bool stack_result_add(struct stack_result *t, enum control control,
                      const struct verifier_result *say)
{
    enum action action = is_final(say) ? STOP : actions[control][say->outcome];

    switch (action) {
    case SKIP:
        break;
    case COUNT:
    case DONE:
        t->passed = true;
        t->vouched = t->vouched || say->vouches;
        return action == DONE && !t->refused;
    case REFUSE:
    case STOP:
        refuse(t, say);
        return action == STOP;
    case NOTE:
        if (weight(say) > weight(&t->noted))
            t->noted = *say;
        break;
    }
    return false;
}

const struct verifier_result *stack_result_reason(const struct stack_result *t)
{
    return t->no.outcome != JETON_VERIFIER_IGNORE ? &t->no : &t->noted;
}

enum status stack_result_status(const struct stack_result *t)
{
    const struct verifier_result *say = stack_result_reason(t);

    if (!t->refused && t->passed && t->vouched)
        return STATUS_OK;
    switch (say->outcome) {
    case JETON_VERIFIER_ERROR:
        return STATUS_UNAVAILABLE;
    case JETON_VERIFIER_FAIL:
        return say->reason;
    case JETON_VERIFIER_PASS:
    case JETON_VERIFIER_IGNORE:
        break;
    }
    return t->vouched ? STATUS_DENIED : STATUS_UNKNOWN;
}
