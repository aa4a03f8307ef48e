/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/session/client_limit.h"

#include <pthread.h>
#include <stdlib.h>

#include "daemon/base/uid_table.h"

/* The connections of one uid and class; it exists while there are any. */
struct client {
    struct uid_entry entry; /* first */
    enum client_trust trust;
    uint64_t judged; /* when, in judgements */
    uint64_t count;
};

struct client_limit {
    pthread_mutex_t mutex;
    uint64_t max;
    uint64_t max_per_uid;
    uint64_t admins;    /* connections */
    uint64_t judgement; /* how often all were to be judged anew */
    struct client_limit_stats stats;
    struct uid_table clients[2]; /* [1]: admins */
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
    for (int admin = 0; admin < 2; admin++) {
        struct uid_table *clients = &limit->clients[admin];
        for (struct uid_entry *e; (e = uid_table_next(clients, NULL)) != NULL;) {
            uid_table_remove(clients, e);
            free(e);
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

static struct client *find(const struct client_limit *limit, uid_t uid, bool admin)
{
    return (struct client *)uid_table_find(&limit->clients[admin], uid);
}

enum client_trust client_limit_trust(struct client_limit *limit, uid_t uid, bool admin)
{
    pthread_mutex_lock(&limit->mutex);
    const struct client *c = find(limit, uid, admin);
    bool known = c != NULL && c->judged == limit->judgement;
    enum client_trust trust = known ? c->trust : CLIENT_UNKNOWN;
    pthread_mutex_unlock(&limit->mutex);
    return trust;
}

void client_limit_judge_anew(struct client_limit *limit)
{
    pthread_mutex_lock(&limit->mutex);
    limit->judgement++;
    pthread_mutex_unlock(&limit->mutex);
}

/* Return who has most connections, of those at whose cost others get in; NULL: nobody. */
static const struct client *find_largest(const struct client_limit *limit)
{
    const struct client *largest = NULL;

    for (const struct uid_entry *e = NULL; (e = uid_table_next(&limit->clients[0], e)) != NULL;) {
        const struct client *c = (const struct client *)e;
        if (c->trust != CLIENT_TRUSTED && (largest == NULL || c->count > largest->count))
            largest = c;
    }
    return largest;
}

/* Close at most half of the difference between the two, so that they do not change places. */
static struct client_excess excess_of(const struct client *largest, uint64_t count)
{
    uint64_t half = (largest->count - count) / 2;

    return (struct client_excess){
        .uid = largest->entry.uid,
        .connections = half < CLIENT_LIMIT_SHED_MAX ? (unsigned)half : CLIENT_LIMIT_SHED_MAX,
    };
}

/* Return how many connections there may be beyond the limit, until others are closed, for a uid that
 * has `count` to get in: the more it has, the fewer, so that it leaves some to who has none. */
static uint64_t overflow_for(uint64_t count)
{
    return count < CLIENT_LIMIT_OVERFLOW ? CLIENT_LIMIT_OVERFLOW / (count + 1) : 1;
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
    if (largest == NULL || largest->count < 2 * count + 2 || now >= places + overflow_for(count))
        return false;
    *excess = excess_of(largest, count);
    return true;
}

static bool has_place(const struct client_limit *limit, const struct client *c, bool admin,
                      struct client_excess *excess)
{
    if (c->count >= limit->max_per_uid)
        return false;
    if (admin)
        return limit->stats.now < limit->max + CLIENT_LIMIT_ADMIN_EXTRA ||
               limit->admins < CLIENT_LIMIT_ADMIN_EXTRA;
    return find_place(limit, c->count, c->trust == CLIENT_TRUSTED, excess);
}

static bool acquire(struct client_limit *limit, uid_t uid, bool admin, enum client_trust trust,
                    struct client_excess *excess)
{
    struct client *there = find(limit, uid, admin), new = { .count = 0 };
    struct client *c = there != NULL ? there : &new;

    if (trust != CLIENT_UNKNOWN) {
        c->trust = trust;
        c->judged = limit->judgement;
    }
    if (!has_place(limit, c, admin, excess))
        return false;
    if (there == NULL) {
        c = malloc(sizeof(*c));
        if (c == NULL)
            return false;
        *c = new;
        uid_table_add(&limit->clients[admin], &c->entry, uid);
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
    struct client *c = find(limit, uid, admin);
    limit->admins -= admin;
    limit->stats.now--;
    if (--c->count == 0) {
        uid_table_remove(&limit->clients[admin], &c->entry);
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
