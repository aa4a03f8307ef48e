/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/session/client_limit.h"

#include <pthread.h>
#include <stdlib.h>

enum { BUCKETS = 64 };

/* The connections of one uid in one class; there while it has any. */
struct holder {
    struct holder *next;
    uid_t uid;
    bool admin;
    uint64_t count;
};

struct client_limit {
    pthread_mutex_t mutex;
    uint64_t most;
    uint64_t most_per_uid;
    struct client_limit_figures figures;
    struct holder *bucket[BUCKETS];
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
        for (struct holder *h; (h = q->bucket[i]) != NULL;) {
            q->bucket[i] = h->next;
            free(h);
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

/* The link to this holder, or to the end of its bucket. */
static struct holder **find(struct client_limit *q, uid_t uid, bool admin)
{
    struct holder **link = &q->bucket[uid % BUCKETS];

    while (*link != NULL && ((*link)->uid != uid || (*link)->admin != admin))
        link = &(*link)->next;
    return link;
}

static bool take(struct client_limit *q, uid_t uid, bool admin)
{
    struct holder **link = find(q, uid, admin);

    if (q->figures.now >= q->most + (admin ? CLIENT_LIMIT_ADMIN_PLACES : 0))
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
    q->figures.now++;
    q->figures.total++;
    return true;
}

bool client_limit_take(struct client_limit *q, uid_t uid, bool admin)
{
    pthread_mutex_lock(&q->mutex);
    bool taken = take(q, uid, admin);
    q->figures.refused += !taken;
    pthread_mutex_unlock(&q->mutex);
    return taken;
}

void client_limit_give_back(struct client_limit *q, uid_t uid, bool admin)
{
    pthread_mutex_lock(&q->mutex);
    struct holder **link = find(q, uid, admin), *h = *link;
    q->figures.now--;
    if (--h->count == 0) {
        *link = h->next;
        free(h);
    }
    pthread_mutex_unlock(&q->mutex);
}

struct client_limit_figures client_limit_figures(struct client_limit *q)
{
    pthread_mutex_lock(&q->mutex);
    struct client_limit_figures figures = q->figures;
    pthread_mutex_unlock(&q->mutex);
    return figures;
}
