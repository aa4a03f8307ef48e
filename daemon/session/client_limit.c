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
    enum client_trust trust;
    uint64_t count;
};

struct client_limit {
    pthread_mutex_t mutex;
    uint64_t max;
    uint64_t max_per_uid;
    uint64_t admins; /* connections */
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

enum client_trust client_limit_trust(struct client_limit *limit, uid_t uid, bool admin)
{
    pthread_mutex_lock(&limit->mutex);
    const struct client *c = *find(limit, uid, admin);
    enum client_trust trust = c != NULL ? c->trust : CLIENT_UNKNOWN;
    pthread_mutex_unlock(&limit->mutex);
    return trust;
}

/* Return who has most connections, of those at whose cost others get in; NULL: nobody. */
static const struct client *find_largest(const struct client_limit *limit)
{
    const struct client *largest = NULL;

    for (int i = 0; i < BUCKETS; i++)
        for (const struct client *c = limit->bucket[i]; c != NULL; c = c->next)
            if (!c->admin && c->trust != CLIENT_TRUSTED &&
                (largest == NULL || c->count > largest->count))
                largest = c;
    return largest;
}

/* Close at most half of the difference between the two, so that they do not change places. */
static struct client_excess excess_of(const struct client *largest, uint64_t count)
{
    uint64_t half = (largest->count - count) / 2;

    return (struct client_excess){
        .uid = largest->uid,
        .connections = half < CLIENT_LIMIT_SHED_MAX ? (unsigned)half : CLIENT_LIMIT_SHED_MAX,
    };
}

/* Find a place for a uid that has `count` connections.  False: there is none.  Who has more than half
 * as many as the largest does not get in at its cost: large ones would compete for the overflow, and
 * it would be full when a small one comes. */
static bool find_place(const struct client_limit *limit, uint64_t count, bool trusted,
                       struct client_excess *excess)
{
    uint64_t now = limit->stats.now;
    uint64_t places = trusted ? limit->max : limit->max - limit->max / CLIENT_LIMIT_RESERVED;

    if (now < places)
        return true;
    const struct client *largest = find_largest(limit);
    if (largest == NULL || largest->count < 2 * count + 2 || now >= places + CLIENT_LIMIT_OVERFLOW)
        return false;
    *excess = excess_of(largest, count);
    return true;
}

static bool has_place(const struct client_limit *limit, const struct client *c,
                      struct client_excess *excess)
{
    if (c->count >= limit->max_per_uid)
        return false;
    if (c->admin)
        return limit->stats.now < limit->max + CLIENT_LIMIT_ADMIN_EXTRA ||
               limit->admins < CLIENT_LIMIT_ADMIN_EXTRA;
    return find_place(limit, c->count, c->trust == CLIENT_TRUSTED, excess);
}

static bool acquire(struct client_limit *limit, uid_t uid, bool admin, enum client_trust trust,
                    struct client_excess *excess)
{
    struct client **link = find(limit, uid, admin);
    struct client new = { .uid = uid, .admin = admin };
    struct client *c = *link != NULL ? *link : &new;

    if (trust != CLIENT_UNKNOWN)
        c->trust = trust;
    if (!has_place(limit, c, excess))
        return false;
    if (c == &new) {
        *link = malloc(sizeof(new));
        if (*link == NULL)
            return false;
        **link = new;
        c = *link;
    }
    c->count++;
    limit->admins += admin;
    limit->stats.now++;
    limit->stats.total++;
    return true;
}

bool client_limit_acquire(struct client_limit *limit, uid_t uid, bool admin,
                          enum client_trust trust, struct client_excess *excess)
{
    excess->connections = 0;
    pthread_mutex_lock(&limit->mutex);
    bool acquired = acquire(limit, uid, admin, trust, excess);
    limit->stats.refused += !acquired;
    pthread_mutex_unlock(&limit->mutex);
    return acquired;
}

void client_limit_release(struct client_limit *limit, uid_t uid, bool admin)
{
    pthread_mutex_lock(&limit->mutex);
    struct client **link = find(limit, uid, admin), *c = *link;
    limit->admins -= admin;
    limit->stats.now--;
    if (--c->count == 0) {
        *link = c->next;
        free(c);
    }
    pthread_mutex_unlock(&limit->mutex);
}

void client_limit_count_shed(struct client_limit *limit, unsigned connections)
{
    pthread_mutex_lock(&limit->mutex);
    limit->stats.shed += connections;
    pthread_mutex_unlock(&limit->mutex);
}

struct client_limit_stats client_limit_stats(struct client_limit *limit)
{
    pthread_mutex_lock(&limit->mutex);
    struct client_limit_stats stats = limit->stats;
    pthread_mutex_unlock(&limit->mutex);
    return stats;
}
