/* SPDX-License-Identifier: Apache-2.0 */
/* Verifications in batches: all values are hashed and their slots asked for before the first is
 * compared, so that the cache misses overlap.  Level 4.  One object a worker thread; nothing here
 * allocates (the output buffer may grow) or waits. */
#ifndef JETON_JUDGE_H
#define JETON_JUDGE_H

#include "daemon/iobuf.h"
#include "daemon/publish.h"
#include "proto/request.h"

enum { JUDGE_BATCH = 64, JUDGE_REPLY_MAX = LINE_MAX_BYTES };

struct judge {
    size_t count;
    struct question question[JUDGE_BATCH];
    struct verdict verdict[JUDGE_BATCH];
    bool hashed[JUDGE_BATCH];
};

/* True if there is room for one more. */
static inline bool judge_has_room(const struct judge *j)
{
    return j->count < JUDGE_BATCH;
}

/* Takes a verify request, whose bytes must stay until it is answered.  There must be room.  Not
 * STATUS_OK: *problem says what is wrong with the request, which is then not taken. */
enum status judge_add(struct judge *j, const struct request *r, struct problem *problem);

/* Judges what was taken and appends the replies, in order.  `counts` has one counter for each
 * status.  False: no memory for a reply. */
bool judge_answer(struct judge *j, struct publisher *p, unsigned reader, int64_t now,
                  _Atomic uint64_t counts[STATUS_COUNT], struct iobuf *out);

#endif
