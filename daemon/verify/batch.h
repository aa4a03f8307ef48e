/* SPDX-License-Identifier: Apache-2.0 */
/* Verify by the table alone, in batches: all values are hashed, several at a time, and their slots
 * prefetched, before the first is read, so that the cache misses overlap.  Each worker thread
 * has one batch; nothing here waits, or allocates but to grow output buffers. */
#ifndef JETON_DAEMON_VERIFY_BATCH_H
#define JETON_DAEMON_VERIFY_BATCH_H

#include "daemon/base/iobuf.h"
#include "daemon/table/token_table.h"
#include "daemon/verify/fallback.h"
#include "proto/request.h"

enum { VERIFY_BATCH_MAX = 64, VERIFY_REPLY_MAX = LINE_MAX_BYTES };

struct verify_batch {
    size_t count;
    struct question question[VERIFY_BATCH_MAX];
    struct verdict verdict[VERIFY_BATCH_MAX];
    bool hashed
        [VERIFY_BATCH_MAX]; /* to be judged by its digest; false: the form of the value decides, or it was */
    const struct series_pair *series[VERIFY_BATCH_MAX];
    uid_t uid[VERIFY_BATCH_MAX];         /* who asks */
    struct iobuf *out[VERIFY_BATCH_MAX]; /* where the replies go */
    unsigned batches;                    /* one in TIMED is timed */
    struct refusals *refusals;           /* where refusals are noted; NULL: nowhere */
    uint64_t
        unusual; /* a bit for each question whose reply names its service, or has another message: */
    struct slice service[VERIFY_BATCH_MAX]; /* at == NULL: not named */
};

/* True if no other question fits. */
static inline bool verify_batch_is_full(const struct verify_batch *b)
{
    return b->count == VERIFY_BATCH_MAX;
}

/* Read what a verify request asks; the question points into the request.  Not STATUS_OK: *problem
 * says what is wrong with it. */
enum status verify_batch_read(const struct request *r, struct question *q, struct problem *problem);

/* Add a question of this user, whose reply goes to `out`; it must fit.  The bytes it points to, the series and
 * `out` must stay until verify_batch_answer(). */
void verify_batch_add(struct verify_batch *b, const struct question *q,
                      const struct series_pair *series, uid_t uid, struct iobuf *out);

/* Let the reply to the question added last show that `other` judged for this service; its name must stay
 * as long. */
void verify_batch_mark_fallback(struct verify_batch *b, struct slice service);

/* Judge the questions, at least one, append the replies in order, and empty the batch.  An `out`
 * that cannot grow is marked as cut. */
void verify_batch_answer(struct verify_batch *b, struct token_table *p, unsigned worker,
                         int64_t now);

#endif
