/* SPDX-License-Identifier: Apache-2.0 */
/* A ring of batches.  Those from `emptied` to `filled` belong to the consumer, the others to the
 * producer: so the mutex is taken once a batch, not once a pair. */
#include "daemon/base/batch_queue.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

/* A batch has many pairs, and all batches fit into a processor's cache.  A thread that waits is
 * woken only once it has several batches to work on, because waking it costs as much as many
 * pairs. */
enum { BATCHES = 8, WORTH_WAKING = BATCHES / 2 };

struct lengths {
    size_t first;
    size_t second;
};

/* Pairs one after the other, each preceded by its lengths. */
struct batch {
    size_t len;
    char bytes[sizeof(struct lengths) + BATCH_QUEUE_PAIR_MAX];
};

struct batch_queue {
    batch_queue_consume *consume;
    void *context;
    pthread_t thread;
    bool no_thread;        /* it could not be started */
    pthread_mutex_t mutex; /* guards `filled` to `refused` */
    pthread_cond_t changed;
    unsigned filled;       /* batches passed to the consumer */
    unsigned emptied;      /* batches consumed */
    bool ended;            /* no more batches will be filled */
    bool refused;          /* the consumer wants no more */
    struct batch *filling; /* the producer's */
    struct batch batch[BATCHES];
};

static void *run(void *queue);
static bool consume_batch(struct batch_queue *q, const struct batch *b);

struct batch_queue *batch_queue_new(batch_queue_consume *consume, void *context)
{
    struct batch_queue *q = malloc(sizeof(*q));

    if (q == NULL)
        return NULL;
    q->consume = consume;
    q->context = context;
    q->filled = q->emptied = 0;
    q->ended = q->refused = false;
    q->filling = &q->batch[0];
    q->filling->len = 0;
    pthread_mutex_init(&q->mutex, NULL);
    pthread_cond_init(&q->changed, NULL);
    q->no_thread = pthread_create(&q->thread, NULL, run, q) != 0;
    return q;
}

/* -- the consumer ---------------------------------------------------------------------------- */

static void *run(void *queue)
{
    struct batch_queue *q = queue;

    pthread_mutex_lock(&q->mutex);
    while (!q->refused && (q->emptied < q->filled || !q->ended)) {
        if (q->emptied == q->filled) {
            pthread_cond_wait(&q->changed, &q->mutex);
            continue;
        }
        pthread_mutex_unlock(&q->mutex);
        bool wanted = consume_batch(q, &q->batch[q->emptied % BATCHES]);
        pthread_mutex_lock(&q->mutex);
        q->refused = !wanted;
        q->emptied++;
        if (q->refused || q->filled - q->emptied <= BATCHES - WORTH_WAKING)
            pthread_cond_signal(&q->changed);
    }
    pthread_mutex_unlock(&q->mutex);
    return NULL;
}

static bool consume_batch(struct batch_queue *q, const struct batch *b)
{
    struct lengths len;

    for (size_t at = 0; at < b->len; at += sizeof(len) + len.first + len.second) {
        memcpy(&len, b->bytes + at, sizeof(len));
        const char *first = b->bytes + at + sizeof(len);
        if (!q->consume(q->context, (struct slice){ first, len.first },
                        (struct slice){ first + len.first, len.second }))
            return false;
    }
    return true;
}

/* -- the producer ---------------------------------------------------------------------------- */

static bool consume_here(struct batch_queue *q)
{
    q->refused = q->refused || !consume_batch(q, q->filling);
    return !q->refused;
}

/* Pass the batch to the consumer and wait for an empty one. */
static bool pass_batch(struct batch_queue *q)
{
    pthread_mutex_lock(&q->mutex);
    q->filled++;
    if (q->filled - q->emptied >= WORTH_WAKING)
        pthread_cond_signal(&q->changed);
    while (q->filled - q->emptied == BATCHES && !q->refused)
        pthread_cond_wait(&q->changed, &q->mutex);
    bool wanted = !q->refused;
    pthread_mutex_unlock(&q->mutex);
    q->filling = &q->batch[q->filled % BATCHES];
    return wanted;
}

static bool flush(struct batch_queue *q)
{
    bool wanted = q->no_thread ? consume_here(q) : pass_batch(q);

    q->filling->len = 0;
    return wanted;
}

bool batch_queue_put(struct batch_queue *q, struct slice first, struct slice second)
{
    const struct lengths len = { first.len, second.len };
    size_t size = sizeof(len) + first.len + second.len;

    assert(size <= sizeof(q->filling->bytes));
    if (q->filling->len + size > sizeof(q->filling->bytes) && !flush(q))
        return false;
    char *to = q->filling->bytes + q->filling->len;
    memcpy(to, &len, sizeof(len));
    memcpy(to + sizeof(len), first.at, first.len);
    memcpy(to + sizeof(len) + first.len, second.at, second.len);
    q->filling->len += size;
    return true;
}

bool batch_queue_finish(struct batch_queue *q)
{
    flush(q);
    if (!q->no_thread) {
        pthread_mutex_lock(&q->mutex);
        q->ended = true;
        pthread_cond_signal(&q->changed);
        pthread_mutex_unlock(&q->mutex);
        pthread_join(q->thread, NULL);
    }
    bool taken = !q->refused;
    pthread_mutex_destroy(&q->mutex);
    pthread_cond_destroy(&q->changed);
    free(q);
    return taken;
}
