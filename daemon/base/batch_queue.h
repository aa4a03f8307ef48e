/* SPDX-License-Identifier: Apache-2.0 */
/* Hands pairs of texts from one thread to another, in order and in batches, so that one processor
 * can read while a second one understands.  The thread that gives makes every call; the
 * other one only takes.  Where no second thread is to be had, the first takes as well. */
#ifndef JETON_DAEMON_BASE_BATCH_QUEUE_H
#define JETON_DAEMON_BASE_BATCH_QUEUE_H

#include "proto/text.h"

/* Of both texts of a pair together. */
enum { BATCH_QUEUE_PAIR_MAX = 64 * 1024 };

struct batch_queue;

/* Takes one pair at the other end; false: no more of them. */
typedef bool batch_queue_take(void *context, struct slice first, struct slice second);

/* NULL: no memory. */
struct batch_queue *batch_queue_new(batch_queue_take *take, void *context);

/* Copies a pair; waits while the other end is far behind.  False: no more are wanted. */
bool batch_queue_put(struct batch_queue *c, struct slice first, struct slice second);

/* Waits until all are taken, and frees.  False: `take` wanted no more. */
bool batch_queue_finish(struct batch_queue *c);

#endif
