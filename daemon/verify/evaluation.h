/* SPDX-License-Identifier: Apache-2.0 */
/* One verification before a stack: asks its verifiers in order until it is decided.  The
 * lane's thread; what is asked on a pool meanwhile is an errand with copies of its own. */
#ifndef JETON_HEARING_H
#define JETON_HEARING_H

#include "daemon/verify/batch.h"
#include "daemon/base/peercred.h"
#include "daemon/verify/stack.h"

/* Who hears it, and for whom. */
struct hearing_place {
    struct publisher *publisher;
    unsigned lane;                      /* the thread's number: with the publisher, with meters */
    const struct peer *peer;
    size_t group_count;
    const gid_t *groups;
};

struct hearing {
    const struct stack *stack;
    struct jeton_question question;     /* its texts lie in `text` */
    struct question asked;              /* likewise; what must fit the identity */
    struct tally tally;
    size_t step;                        /* the one to ask, or that is being asked */
    uint64_t began;                     /* clock_monotonic(); and when the step was: */
    uint64_t step_began;
    bool throttled;
    bool waited;                        /* for a step on its pool */
    bool known;                         /* the table knows the value */
    uint8_t digest[DIGEST_SIZE];
    const char *verifier;               /* who supplied the identity; NULL: nobody yet */
    struct jeton_identity identity;
    struct jeton_answer answer;         /* of the step that is asked at once */
    size_t used;
    char text[LINE_MAX_BYTES];          /* all of it was part of one line */
};

/* Begins one.  The stack must live as long as it. */
void hearing_begin(struct hearing *h, const struct stack *stack, const struct question *asked,
                   struct slice service, const struct hearing_place *place, int64_t now);

/* Asks what can be asked at once.  True: it is decided.  False: the step hearing_step() must be
 * asked on its pool; hearing_take() then takes what it said, and this goes on. */
bool hearing_go_on(struct hearing *h, const struct hearing_place *place);

static inline struct step *hearing_step(const struct hearing *h)
{
    return &h->stack->step[h->step];
}

/* What the step said; or, if it said nothing, why (late, busy, thread): that is an error. */
void hearing_take(struct hearing *h, unsigned lane, int outcome, struct jeton_answer *answer);
void hearing_lack(struct hearing *h, unsigned lane, enum complaint why);

/* Counts it and writes the reply. */
void hearing_end(struct hearing *h, unsigned lane, struct text *reply);

/* Wipes what it holds; decided or not, it is over. */
void hearing_wipe(struct hearing *h);

#endif
