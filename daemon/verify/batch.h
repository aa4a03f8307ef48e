/* SPDX-License-Identifier: Apache-2.0 */
/* Verifications by the table alone, in batches: all values are hashed, several at a time, then all
 * slots are asked for before the first is looked at, so that the cache misses overlap.
 * One object a worker thread; nothing here allocates (the output buffers may grow) or waits. */
#ifndef JETON_JUDGE_H
#define JETON_JUDGE_H

#include "daemon/base/iobuf.h"
#include "daemon/table/token_table.h"
#include "daemon/verify/stack.h"

enum { JUDGE_BATCH = 64, JUDGE_REPLY_MAX = LINE_MAX_BYTES };

struct judge {
    size_t count;
    struct question question[JUDGE_BATCH];
    struct verdict verdict[JUDGE_BATCH];
    bool worth[JUDGE_BATCH];            /* hashing */
    size_t hashed;
    struct slice value[JUDGE_BATCH];    /* that were, and where their digests are */
    uint8_t *digest[JUDGE_BATCH];
    const struct stack *stack[JUDGE_BATCH];
    struct iobuf *out[JUDGE_BATCH];     /* where the replies go */
    unsigned batches;                   /* one in so many is timed */
};

/* True if there is room for one more. */
static inline bool judge_has_room(const struct judge *j)
{
    return j->count < JUDGE_BATCH;
}

/* What a verify request asks; its bytes must stay until it is answered.  Not STATUS_OK: *problem says
 * what is wrong with it. */
enum status judge_read(const struct request *r, struct question *q, struct problem *problem);

/* Takes a question before a plain stack, whose reply goes to `out`.  There must be room.  All three
 * stay until it is answered. */
void judge_add(struct judge *j, const struct question *q, const struct stack *stack,
               struct iobuf *out);

/* Judges what was taken, at least one, and appends the replies, in order.  `out` is cut where there is no memory for
 * one. */
void judge_answer(struct judge *j, struct publisher *p, unsigned lane, int64_t now);

/* Judges one question by the table that this thread has entered. */
void judge_by_table(struct publisher *p, const struct generation *g, const struct question *q,
                    int64_t now, struct verdict *verdict);

#endif
