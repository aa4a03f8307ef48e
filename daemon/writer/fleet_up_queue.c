/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/fleet_up_queue.h"

#include <errno.h>
#include <stdlib.h>

static const char *const words[] = {
    [FLEET_UP_CREATE] = "create",   [FLEET_UP_IMPORT] = "import", [FLEET_UP_UPDATE] = "update",
    [FLEET_UP_ROTATE] = "rotate",   [FLEET_UP_ENABLE] = "enable", [FLEET_UP_REVOKE] = "revoke",
    [FLEET_UP_DISABLE] = "disable", [FLEET_UP_DELETE] = "delete", [FLEET_UP_END] = "end",
};

bool fleet_up_is_denial(enum fleet_up_event event)
{
    return event == FLEET_UP_REVOKE || event == FLEET_UP_DISABLE;
}

const char *fleet_up_event_word(enum fleet_up_event event)
{
    return words[event];
}

/* -- one request ------------------------------------------------------------------------------ */

struct fleet_up_request *fleet_up_request_new(enum fleet_up_event event,
                                              const uint8_t digest[DIGEST_SIZE], uid_t by,
                                              struct slice claims)
{
    struct fleet_up_request *r = malloc(sizeof(*r) + claims.len);

    if (r == NULL)
        return NULL;
    *r = (struct fleet_up_request){ .event = event, .by = by, .len = claims.len };
    r->stays = fleet_up_is_denial(event);
    memcpy(r->digest, digest, DIGEST_SIZE);
    memcpy(r->about, digest, DIGEST_SIZE);
    if (claims.len > 0)
        memcpy(r->claims, claims.at, claims.len);
    return r;
}

void fleet_up_request_free(struct fleet_up_request *r)
{
    for (struct mail *m; (m = mail_pop(&r->waiters)) != NULL;)
        change_free((struct change *)m);
    free(r);
}

/* -- users ------------------------------------------------------------------------------------- */

static struct fleet_up_user *find_user(const struct fleet_up_queue *q, uid_t uid)
{
    struct fleet_up_user *u = q->users;

    while (u != NULL && u->uid != uid)
        u = u->next;
    return u;
}

static struct fleet_up_user *user_of(struct fleet_up_queue *q, uid_t uid)
{
    struct fleet_up_user *u = find_user(q, uid);

    if (u != NULL)
        return u;
    u = calloc(1, sizeof(*u));
    if (u == NULL)
        return NULL;
    u->uid = uid;
    TAILQ_INIT(&u->waiting);
    u->next = q->users;
    q->users = u;
    return u;
}

/* Forget a user of whom there is nothing. */
static void release_user(struct fleet_up_queue *q, uid_t uid)
{
    struct fleet_up_user **link = &q->users;

    while (*link != NULL && (*link)->uid != uid)
        link = &(*link)->next;
    struct fleet_up_user *u = *link;
    if (u == NULL || u->changes > 0 || !TAILQ_EMPTY(&u->waiting))
        return;
    *link = u->next;
    free(u);
}

/* -- the index ----------------------------------------------------------------------------------- */

/* By a secret, as somebody may have chosen the digests that are denied. */
static size_t bucket_of(const struct fleet_up_queue *q, const uint8_t digest[DIGEST_SIZE])
{
    uint64_t hash;

    crypto_shorthash((uint8_t *)&hash, digest, DIGEST_SIZE, q->key);
    return hash % FLEET_UP_BUCKETS;
}

static struct fleet_up_request *next_about(struct fleet_up_request *r,
                                           const uint8_t digest[DIGEST_SIZE])
{
    while (r != NULL && memcmp(r->about, digest, DIGEST_SIZE) != 0)
        r = r->same;
    return r;
}

struct fleet_up_request *fleet_up_queue_about(const struct fleet_up_queue *q,
                                              const uint8_t digest[DIGEST_SIZE])
{
    return next_about(q->about[bucket_of(q, digest)], digest);
}

struct fleet_up_request *fleet_up_queue_next(const struct fleet_up_request *r)
{
    return next_about(r->same, r->about);
}

bool fleet_up_queue_is_busy(const struct fleet_up_queue *q, const uint8_t digest[DIGEST_SIZE])
{
    const struct fleet_up_request *r = fleet_up_queue_about(q, digest);

    while (r != NULL && r->kept)
        r = fleet_up_queue_next(r);
    return r != NULL;
}

struct fleet_up_request *fleet_up_queue_denial(const struct fleet_up_queue *q,
                                               enum fleet_up_event event,
                                               const uint8_t digest[DIGEST_SIZE], bool confirm)
{
    struct fleet_up_request *r = fleet_up_queue_about(q, digest);

    while (r != NULL &&
           (r->event != event || r->confirm != confirm || r->outcome.place.serial != 0))
        r = fleet_up_queue_next(r);
    return r;
}

static void add_to_index(struct fleet_up_queue *q, struct fleet_up_request *r)
{
    struct fleet_up_request **bucket = &q->about[bucket_of(q, r->about)];

    r->indexed = true;
    r->same = *bucket;
    *bucket = r;
}

static void remove_from_index(struct fleet_up_queue *q, struct fleet_up_request *r)
{
    struct fleet_up_request **link = &q->about[bucket_of(q, r->about)];

    if (!r->indexed)
        return;
    while (*link != r)
        link = &(*link)->same;
    *link = r->same;
    r->indexed = false;
}

/* -- the queue ----------------------------------------------------------------------------------- */

void fleet_up_queue_begin(struct fleet_up_queue *q, uint64_t last)
{
    memset(q, 0, sizeof(*q));
    randombytes_buf(q->key, sizeof(q->key));
    TAILQ_INIT(&q->turns);
    TAILQ_INIT(&q->again);
    TAILQ_INIT(&q->offered);
    TAILQ_INIT(&q->later);
    q->last = last;
}

static void free_all(struct fleet_up_requests *list)
{
    for (struct fleet_up_request *r; (r = TAILQ_FIRST(list)) != NULL;) {
        TAILQ_REMOVE(list, r, link);
        fleet_up_request_free(r);
    }
}

void fleet_up_queue_end(struct fleet_up_queue *q)
{
    free_all(&q->again);
    free_all(&q->offered);
    free_all(&q->later);
    for (struct fleet_up_user *u; (u = q->users) != NULL;) {
        q->users = u->next;
        free_all(&u->waiting);
        free(u);
    }
    fleet_up_queue_begin(q, q->last);
}

bool fleet_up_queue_is_full(const struct fleet_up_queue *q, uid_t uid)
{
    const struct fleet_up_user *u = find_user(q, uid);

    return q->changes >= FLEET_UP_MAX || (u != NULL && u->changes >= FLEET_UP_MAX_A_USER);
}

static void count(struct fleet_up_queue *q, const struct fleet_up_request *r)
{
    if (r->stays)
        q->denials++;
    else
        q->changes++;
}

int fleet_up_queue_add(struct fleet_up_queue *q, struct fleet_up_request *r)
{
    struct fleet_up_user *u = user_of(q, r->by);

    if (u == NULL)
        return -ENOMEM;
    if (TAILQ_EMPTY(&u->waiting))
        TAILQ_INSERT_TAIL(&q->turns, u, link);
    TAILQ_INSERT_TAIL(&u->waiting, r, link);
    r->user = u;
    u->changes += !r->stays;
    count(q, r);
    add_to_index(q, r);
    return 0;
}

void fleet_up_queue_forget(struct fleet_up_queue *q, struct fleet_up_request *r)
{
    struct fleet_up_user *u = find_user(q, r->by);

    remove_from_index(q, r);
    if (r->stays)
        q->denials--;
    else
        q->changes--;
    if (u != NULL && !r->stays)
        u->changes--;
    release_user(q, r->by);
}

/* Take the next of the user whose turn it is. */
static struct fleet_up_request *take_turn(struct fleet_up_queue *q)
{
    struct fleet_up_user *u = TAILQ_FIRST(&q->turns);

    if (u == NULL)
        return NULL;
    struct fleet_up_request *r = TAILQ_FIRST(&u->waiting);
    TAILQ_REMOVE(&u->waiting, r, link);
    TAILQ_REMOVE(&q->turns, u, link);
    if (!TAILQ_EMPTY(&u->waiting))
        TAILQ_INSERT_TAIL(&q->turns, u, link);
    r->user = NULL;
    release_user(q, r->by);
    return r;
}

static struct fleet_up_request *take_first(struct fleet_up_requests *list)
{
    struct fleet_up_request *r = TAILQ_FIRST(list);

    if (r != NULL)
        TAILQ_REMOVE(list, r, link);
    return r;
}

static bool is_due(const struct fleet_up_queue *q, uint64_t now)
{
    const struct fleet_up_request *r = TAILQ_FIRST(&q->later);

    return r != NULL && r->not_before <= now;
}

bool fleet_up_queue_has(const struct fleet_up_queue *q, uint64_t now)
{
    return q->outstanding < FLEET_UP_OFFERED_MAX &&
           (!TAILQ_EMPTY(&q->again) || !TAILQ_EMPTY(&q->turns) || is_due(q, now));
}

/* What is tried again takes its turn with the rest, lest a great many denials that the database does not take
 * keep others waiting. */
struct fleet_up_request *fleet_up_queue_offer(struct fleet_up_queue *q, uint64_t now)
{
    if (!fleet_up_queue_has(q, now))
        return NULL;
    struct fleet_up_request *r = take_first(&q->again);
    if (r == NULL && (!is_due(q, now) || q->outstanding % 2 == 0))
        r = take_turn(q);
    if (r == NULL)
        r = take_first(&q->later);
    if (r->number == 0)
        r->number = ++q->last;
    r->offers++;
    r->offered = true;
    q->outstanding++;
    TAILQ_INSERT_TAIL(&q->offered, r, link);
    return r;
}

struct fleet_up_request *fleet_up_queue_answered(struct fleet_up_queue *q, uint64_t number)
{
    struct fleet_up_request *r = TAILQ_FIRST(&q->offered);

    while (r != NULL && r->number != number)
        r = TAILQ_NEXT(r, link);
    if (r == NULL)
        return NULL;
    TAILQ_REMOVE(&q->offered, r, link);
    r->offered = false;
    q->outstanding--;
    return r;
}

void fleet_up_queue_put_back(struct fleet_up_queue *q, struct fleet_up_request *r,
                             uint64_t not_before)
{
    r->not_before = not_before;
    r->number = 0; /* the next answer is to another try */
    TAILQ_INSERT_TAIL(&q->later, r, link);
}

void fleet_up_queue_ask_again(struct fleet_up_queue *q, struct fleet_up_request *r)
{
    r->asks_again = true;
    r->number = 0;
    TAILQ_INSERT_TAIL(&q->again, r, link);
}

void fleet_up_queue_stays(struct fleet_up_queue *q, struct fleet_up_request *r)
{
    struct fleet_up_user *u = find_user(q, r->by);

    if (r->stays)
        return;
    r->stays = true;
    q->changes--;
    q->denials++;
    if (u != NULL)
        u->changes--;
}

static bool is_in(const struct fleet_up_requests *list, const struct fleet_up_request *r)
{
    const struct fleet_up_request *other = TAILQ_FIRST(list);

    while (other != NULL && other != r)
        other = TAILQ_NEXT(other, link);
    return other != NULL;
}

void fleet_up_queue_remove(struct fleet_up_queue *q, struct fleet_up_request *r)
{
    struct fleet_up_user *u = r->user;

    if (u != NULL) {
        TAILQ_REMOVE(&u->waiting, r, link);
        if (TAILQ_EMPTY(&u->waiting))
            TAILQ_REMOVE(&q->turns, u, link);
        r->user = NULL;
    } else if (r->offered) {
        TAILQ_REMOVE(&q->offered, r, link);
        r->offered = false;
        q->outstanding--;
    } else {
        TAILQ_REMOVE(is_in(&q->again, r) ? &q->again : &q->later, r, link);
    }
}

/* Put a request among those that are offered again, in the order of numbers. */
static void insert_again(struct fleet_up_queue *q, struct fleet_up_request *r)
{
    struct fleet_up_request *before = TAILQ_LAST(&q->again, fleet_up_requests);

    while (before != NULL && before->number > r->number)
        before = TAILQ_PREV(before, fleet_up_requests, link);
    if (before != NULL)
        TAILQ_INSERT_AFTER(&q->again, before, r, link);
    else
        TAILQ_INSERT_HEAD(&q->again, r, link);
}

void fleet_up_queue_withdraw(struct fleet_up_queue *q)
{
    for (struct fleet_up_request *r; (r = take_first(&q->offered)) != NULL;) {
        r->offered = false;
        if (r->stays || r->waiters.first != NULL) {
            insert_again(q, r);
            continue;
        }
        fleet_up_queue_forget(q, r);
        fleet_up_request_free(r);
    }
    q->outstanding = 0;
}
