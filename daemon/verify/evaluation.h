/* SPDX-License-Identifier: Apache-2.0 */
/* One verification before a stack: asks its verifiers in order until it is decided.  The
 * worker's thread; what is asked on a pool meanwhile is an job with copies of its own. */
#ifndef JETON_DAEMON_VERIFY_EVALUATION_H
#define JETON_DAEMON_VERIFY_EVALUATION_H

#include "daemon/base/peercred.h"
#include "daemon/table/token_table.h"
#include "daemon/verify/stack.h"

/* Who hears it, and for whom. */
struct eval_context {
    struct token_table *token_table;
    unsigned worker; /* the thread's number: with the token_table, with metrics */
    const struct peercred *peer;
    size_t group_count;
    const gid_t *groups;
};

struct evaluation {
    const struct stack *stack;
    struct jeton_question question; /* its texts lie in `text` */
    struct question asked;          /* likewise; what must fit the identity */
    struct stack_result tally;
    size_t step;    /* the one to ask, or that is being asked */
    uint64_t began; /* clock_monotonic(); and when the step was: */
    uint64_t step_began;
    bool throttled;
    bool waited; /* for a step on its pool */
    bool known;  /* the table knows the value */
    uint8_t digest[DIGEST_SIZE];
    const char *verifier; /* who supplied the identity; NULL: nobody yet */
    struct jeton_identity identity;
    struct jeton_answer answer; /* of the step that is asked at once */
    size_t used;
    char text[LINE_MAX_BYTES]; /* all of it was part of one line */
};

/* Begins one.  The stack must live as long as it. */
void eval_begin(struct evaluation *h, const struct stack *stack, const struct question *asked,
                struct slice service, const struct eval_context *place, int64_t now);

/* Asks what can be asked at once.  True: it is decided.  False: the step eval_entry() must be
 * asked on its pool; eval_take_result() then takes what it said, and this goes on. */
bool eval_continue(struct evaluation *h, const struct eval_context *place);

static inline struct stack_entry *eval_entry(const struct evaluation *h)
{
    return &h->stack->step[h->step];
}

/* What the step said; or, if it said nothing, why (late, busy, thread): that is an error. */
void eval_take_result(struct evaluation *h, unsigned worker, int outcome,
                      struct jeton_answer *answer);
void eval_take_failure(struct evaluation *h, unsigned worker, enum verifier_failure why);

/* Counts it and writes the reply. */
void eval_finish(struct evaluation *h, unsigned worker, struct text *reply);

/* Wipes what it holds; decided or not, it is over. */
void eval_wipe(struct evaluation *h);

#endif
