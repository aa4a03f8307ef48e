/* SPDX-License-Identifier: Apache-2.0 */
/* A ring of batches.  From `emptied` to `filled` they are the taker's, the others the giver's: the
 * mutex is needed once a batch, not for each pair. */
#include "daemon/base/batch_queue.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

/* Many pairs to a batch, and all batches in a processor's cache.  Whoever waits is woken when there
 * are some batches to do, for a wake-up costs as much as many pairs. */
enum { BATCHES = 8, WORTH_WAKING = BATCHES / 2 };

struct lengths {
    size_t first;
    size_t second;
};

/* Pairs one behind the other, each with its lengths before it. */
struct batch {
    size_t len;
    char bytes[sizeof(struct lengths) + BATCH_QUEUE_PAIR_MAX];
};

struct batch_queue {
    batch_queue_take *take;
    void *context;
    pthread_t thread;
    bool alone;            /* there is no such thread */
    pthread_mutex_t mutex; /* guards these four */
    pthread_cond_t changed;
    unsigned filled;  /* batches handed over */
    unsigned emptied; /* batches taken */
    bool ended;       /* that was the last batch */
    bool refused;
    struct batch *filling; /* the giver's */
    struct batch batch[BATCHES];
};

static void *run(void *conveyor);
static bool take_batch(struct batch_queue *c, const struct batch *b);

struct batch_queue *batch_queue_new(batch_queue_take *take, void *context)
{
    struct batch_queue *c = malloc(sizeof(*c));

    if (c == NULL)
        return NULL;
    c->take = take;
    c->context = context;
    c->filled = c->emptied = 0;
    c->ended = c->refused = false;
    c->filling = &c->batch[0];
    c->filling->len = 0;
    pthread_mutex_init(&c->mutex, NULL);
    pthread_cond_init(&c->changed, NULL);
    c->alone = pthread_create(&c->thread, NULL, run, c) != 0;
    return c;
}

/* -- the other end --------------------------------------------------------------------------- */

static void *run(void *conveyor)
{
    struct batch_queue *c = conveyor;

    pthread_mutex_lock(&c->mutex);
    while (!c->refused && (c->emptied < c->filled || !c->ended)) {
        if (c->emptied == c->filled) {
            pthread_cond_wait(&c->changed, &c->mutex);
            continue;
        }
        pthread_mutex_unlock(&c->mutex);
        bool taken = take_batch(c, &c->batch[c->emptied % BATCHES]);
        pthread_mutex_lock(&c->mutex);
        c->refused = !taken;
        c->emptied++;
        if (c->refused || c->filled - c->emptied <= BATCHES - WORTH_WAKING)
            pthread_cond_signal(&c->changed);
    }
    pthread_mutex_unlock(&c->mutex);
    return NULL;
}

static bool take_batch(struct batch_queue *c, const struct batch *b)
{
    struct lengths len;

    for (size_t at = 0; at < b->len; at += sizeof(len) + len.first + len.second) {
        memcpy(&len, b->bytes + at, sizeof(len));
        const char *first = b->bytes + at + sizeof(len);
        if (!c->take(c->context, (struct slice){ first, len.first },
                     (struct slice){ first + len.first, len.second }))
            return false;
    }
    return true;
}

/* -- this end -------------------------------------------------------------------------------- */

static bool take_here(struct batch_queue *c)
{
    c->refused = c->refused || !take_batch(c, c->filling);
    return !c->refused;
}

/* Gives the batch away and waits for an empty one. */
static bool hand_over(struct batch_queue *c)
{
    pthread_mutex_lock(&c->mutex);
    c->filled++;
    if (c->filled - c->emptied >= WORTH_WAKING)
        pthread_cond_signal(&c->changed);
    while (c->filled - c->emptied == BATCHES && !c->refused)
        pthread_cond_wait(&c->changed, &c->mutex);
    bool wanted = !c->refused;
    pthread_mutex_unlock(&c->mutex);
    c->filling = &c->batch[c->filled % BATCHES];
    return wanted;
}

static bool send(struct batch_queue *c)
{
    bool wanted = c->alone ? take_here(c) : hand_over(c);

    c->filling->len = 0;
    return wanted;
}

bool batch_queue_put(struct batch_queue *c, struct slice first, struct slice second)
{
    const struct lengths len = { first.len, second.len };
    size_t size = sizeof(len) + first.len + second.len;

    assert(size <= sizeof(c->filling->bytes));
    if (c->filling->len + size > sizeof(c->filling->bytes) && !send(c))
        return false;
    char *to = c->filling->bytes + c->filling->len;
    memcpy(to, &len, sizeof(len));
    memcpy(to + sizeof(len), first.at, first.len);
    memcpy(to + sizeof(len) + first.len, second.at, second.len);
    c->filling->len += size;
    return true;
}

bool batch_queue_finish(struct batch_queue *c)
{
    send(c);
    if (!c->alone) {
        pthread_mutex_lock(&c->mutex);
        c->ended = true;
        pthread_cond_signal(&c->changed);
        pthread_mutex_unlock(&c->mutex);
        pthread_join(c->thread, NULL);
    }
    bool taken = !c->refused;
    pthread_mutex_destroy(&c->mutex);
    pthread_cond_destroy(&c->changed);
    free(c);
    return taken;
}
