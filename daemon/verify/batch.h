/* SPDX-License-Identifier: Apache-2.0 */
/* Verifications by the table alone, in batches: all values are hashed, several at a time, then all
 * slots are asked for before the first is looked at, so that the cache misses overlap.
 * One object a worker thread; nothing here allocates (the output buffers may grow) or waits. */
#ifndef JETON_DAEMON_VERIFY_BATCH_H
#define JETON_DAEMON_VERIFY_BATCH_H

#include "daemon/base/iobuf.h"
#include "daemon/table/token_table.h"
#include "daemon/verify/stack.h"

enum { VERIFY_BATCH_MAX = 64, VERIFY_REPLY_MAX = LINE_MAX_BYTES };

struct verify_batch {
    size_t count;
    struct question question[VERIFY_BATCH_MAX];
    struct verdict verdict[VERIFY_BATCH_MAX];
    bool worth[VERIFY_BATCH_MAX]; /* hashing */
    size_t hashed;
    struct slice value[VERIFY_BATCH_MAX]; /* that were, and where their digests are */
    uint8_t *digest[VERIFY_BATCH_MAX];
    const struct stack *stack[VERIFY_BATCH_MAX];
    struct iobuf *out[VERIFY_BATCH_MAX]; /* where the replies go */
    unsigned batches;                    /* one in so many is timed */
};

/* True if there is room for one more. */
static inline bool verify_batch_has_room(const struct verify_batch *j)
{
    return j->count < VERIFY_BATCH_MAX;
}

/* What a verify request asks; its bytes must stay until it is answered.  Not STATUS_OK: *problem says
 * what is wrong with it. */
enum status verify_batch_read(const struct request *r, struct question *q, struct problem *problem);

/* Takes a question before a plain stack, whose reply goes to `out`.  There must be room.  All three
 * stay until it is answered. */
void verify_batch_add(struct verify_batch *j, const struct question *q, const struct stack *stack,
                      struct iobuf *out);

/* Judges what was taken, at least one, and appends the replies, in order.  `out` is cut where there is no memory for
 * one. */
void verify_batch_answer(struct verify_batch *j, struct token_table *p, unsigned worker,
                         int64_t now);

/* Judges one question by the table that this thread has entered. */
void lookup_judge(struct token_table *p, const struct generation *g, const struct question *q,
                  int64_t now, struct verdict *verdict);

#endif
