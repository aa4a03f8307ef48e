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
    uint64_t max;
    uint64_t max_per_uid;
    struct client_limit_stats stats;
    struct client *bucket[BUCKETS];
};

struct client_limit *client_limit_new(uint64_t max, uint64_t max_per_uid)
{
    struct client_limit *limit = calloc(1, sizeof(*limit));

    if (limit == NULL)
        return NULL;
    pthread_mutex_init(&limit->mutex, NULL);
    limit->max = max;
    limit->max_per_uid = max_per_uid;
    return limit;
}

void client_limit_free(struct client_limit *limit)
{
    if (limit == NULL)
        return;
    for (int i = 0; i < BUCKETS; i++) {
        for (struct client *c; (c = limit->bucket[i]) != NULL;) {
            limit->bucket[i] = c->next;
            free(c);
        }
    }
    pthread_mutex_destroy(&limit->mutex);
    free(limit);
}

void client_limit_set(struct client_limit *limit, uint64_t max, uint64_t max_per_uid)
{
    pthread_mutex_lock(&limit->mutex);
    limit->max = max;
    limit->max_per_uid = max_per_uid;
    pthread_mutex_unlock(&limit->mutex);
}

/* Return the link to this client, or the one at the end of its bucket. */
static struct client **find(struct client_limit *limit, uid_t uid, bool admin)
{
    struct client **link = &limit->bucket[uid % BUCKETS];

    while (*link != NULL && ((*link)->uid != uid || (*link)->admin != admin))
        link = &(*link)->next;
    return link;
}

static bool acquire(struct client_limit *limit, uid_t uid, bool admin)
{
    struct client **link = find(limit, uid, admin);

    if (limit->stats.now >= limit->max + (admin ? CLIENT_LIMIT_ADMIN_EXTRA : 0))
        return false;
    if (*link == NULL) {
        *link = calloc(1, sizeof(**link));
        if (*link == NULL)
            return false;
        (*link)->uid = uid;
        (*link)->admin = admin;
    }
    if ((*link)->count >= limit->max_per_uid)
        return false;
    (*link)->count++;
    limit->stats.now++;
    limit->stats.total++;
    return true;
}

bool client_limit_acquire(struct client_limit *limit, uid_t uid, bool admin)
{
    pthread_mutex_lock(&limit->mutex);
    bool acquired = acquire(limit, uid, admin);
    limit->stats.refused += !acquired;
    pthread_mutex_unlock(&limit->mutex);
    return acquired;
}

void client_limit_release(struct client_limit *limit, uid_t uid, bool admin)
{
    pthread_mutex_lock(&limit->mutex);
    struct client **link = find(limit, uid, admin), *c = *link;
    limit->stats.now--;
    if (--c->count == 0) {
        *link = c->next;
        free(c);
    }
    pthread_mutex_unlock(&limit->mutex);
}

struct client_limit_stats client_limit_stats(struct client_limit *limit)
{
    pthread_mutex_lock(&limit->mutex);
    struct client_limit_stats stats = limit->stats;
    pthread_mutex_unlock(&limit->mutex);
    return stats;
}
