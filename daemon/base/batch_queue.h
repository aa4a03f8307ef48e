/* SPDX-License-Identifier: Apache-2.0 */
/* Pass pairs of texts from one thread to another, in order and in batches, so that one processor
 * can read while a second one parses.  The producer makes every call here; a thread of the queue
 * consumes.  If that thread cannot be started, the producer consumes as well. */
#ifndef JETON_DAEMON_BASE_BATCH_QUEUE_H
#define JETON_DAEMON_BASE_BATCH_QUEUE_H

#include "proto/text.h"

/* The most bytes of a pair. */
enum { BATCH_QUEUE_PAIR_MAX = 64 * 1024 };

struct batch_queue;

/* Consume one pair, in the queue's thread; false: no more are wanted. */
typedef bool batch_queue_consume(void *context, struct slice first, struct slice second);

/* Make a queue and start its thread.  NULL: no memory. */
struct batch_queue *batch_queue_new(batch_queue_consume *consume, void *context);

/* Copy a pair into the queue; wait while the queue is full.  False: no more are wanted. */
bool batch_queue_put(struct batch_queue *q, struct slice first, struct slice second);

/* Wait until all pairs are consumed, and free the queue.  False: the consumer wanted no more. */
bool batch_queue_finish(struct batch_queue *q);

#endif
