/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/session/client_limit.h"

#include <pthread.h>
#include <stdlib.h>

enum { BUCKETS = 64 };

/* The connections of one uid and class; it exists while there are any. */
struct client {
    struct client *next;
    uid_t uid;
    bool admin;
    uint64_t count;
};

struct client_limit {
    pthread_mutex_t mutex;
    uint64_t most;
    uint64_t most_per_uid;
    struct client_limit_stats stats;
    struct client *bucket[BUCKETS];
};

struct client_limit *client_limit_new(uint64_t most, uint64_t most_per_uid)
{
    struct client_limit *q = calloc(1, sizeof(*q));

    if (q == NULL)
        return NULL;
    pthread_mutex_init(&q->mutex, NULL);
    q->most = most;
    q->most_per_uid = most_per_uid;
    return q;
}

void client_limit_free(struct client_limit *q)
{
    if (q == NULL)
        return;
    for (int i = 0; i < BUCKETS; i++) {
        for (struct client *c; (c = q->bucket[i]) != NULL;) {
            q->bucket[i] = c->next;
            free(c);
        }
    }
    pthread_mutex_destroy(&q->mutex);
    free(q);
}

void client_limit_set(struct client_limit *q, uint64_t most, uint64_t most_per_uid)
{
    pthread_mutex_lock(&q->mutex);
    q->most = most;
    q->most_per_uid = most_per_uid;
    pthread_mutex_unlock(&q->mutex);
}

/* Return the link to this client, or the one at the end of its bucket. */
static struct client **find(struct client_limit *q, uid_t uid, bool admin)
{
    struct client **link = &q->bucket[uid % BUCKETS];

    while (*link != NULL && ((*link)->uid != uid || (*link)->admin != admin))
        link = &(*link)->next;
    return link;
}

static bool acquire(struct client_limit *q, uid_t uid, bool admin)
{
    struct client **link = find(q, uid, admin);

    if (q->stats.now >= q->most + (admin ? CLIENT_LIMIT_ADMIN_EXTRA : 0))
        return false;
    if (*link == NULL) {
        *link = calloc(1, sizeof(**link));
        if (*link == NULL)
            return false;
        (*link)->uid = uid;
        (*link)->admin = admin;
    }
    if ((*link)->count >= q->most_per_uid)
        return false;
    (*link)->count++;
    q->stats.now++;
    q->stats.total++;
    return true;
}

bool client_limit_acquire(struct client_limit *q, uid_t uid, bool admin)
{
    pthread_mutex_lock(&q->mutex);
    bool acquired = acquire(q, uid, admin);
    q->stats.refused += !acquired;
    pthread_mutex_unlock(&q->mutex);
    return acquired;
}

void client_limit_release(struct client_limit *q, uid_t uid, bool admin)
{
    pthread_mutex_lock(&q->mutex);
    struct client **link = find(q, uid, admin), *c = *link;
    q->stats.now--;
    if (--c->count == 0) {
        *link = c->next;
        free(c);
    }
    pthread_mutex_unlock(&q->mutex);
}

struct client_limit_stats client_limit_stats(struct client_limit *q)
{
    pthread_mutex_lock(&q->mutex);
    struct client_limit_stats stats = q->stats;
    pthread_mutex_unlock(&q->mutex);
    return stats;
}
