/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/table/refusals.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 1024 };

_Static_assert((int)REFUSALS_TAKEN_MAX < (int)SLOTS, "a search ends at a free slot");

/* Written by the set's thread alone; any thread reads them. */
struct unknown {
    _Atomic uid_t uid;
    _Atomic uint64_t count;
};

struct set {
    pthread_mutex_t mutex;
    struct refusal *slot; /* open addressing by id; `last` 0: free, `count` 0: forgotten; or NULL */
    size_t held;
    _Atomic uint64_t dropped;
    _Atomic unsigned users;
    struct unknown unknown[REFUSALS_UIDS];
    _Atomic uint64_t others;
};

struct refusals {
    unsigned sets;
    _Atomic uint64_t held; /* tokens in all sets */
    _Atomic uint64_t reuses;
    struct set set[];
};

struct refusals *refusals_new(unsigned sets)
{
    struct refusals *r = calloc(1, sizeof(*r) + sets * sizeof(r->set[0]));

    if (r == NULL)
        return NULL;
    r->sets = sets;
    for (unsigned i = 0; i < sets; i++)
        pthread_mutex_init(&r->set[i].mutex, NULL);
    return r;
}

void refusals_free(struct refusals *r)
{
    if (r == NULL)
        return;
    for (unsigned i = 0; i < r->sets; i++) {
        free(r->set[i].slot);
        pthread_mutex_destroy(&r->set[i].mutex);
    }
    free(r);
}

/* -- tokens ---------------------------------------------------------------------------------- */

/* Find the slot of a token, or the free one where it would be put. */
static struct refusal *find(struct refusal *slot, const uint8_t id[ID_SIZE])
{
    uint32_t at;

    memcpy(&at, id, sizeof(at));
    at %= SLOTS;
    while (slot[at].last != 0 && memcmp(slot[at].id, id, ID_SIZE) != 0)
        at = (at + 1) % SLOTS;
    return &slot[at];
}

void refusal_add(struct refusal *sum, const struct refusal *more)
{
    sum->count += more->count;
    sum->ended += more->ended;
    if (more->count == 0 || more->last < sum->last)
        return;
    sum->last = more->last;
    sum->by = more->by;
    sum->reason = more->reason;
}

/* Return the slot of a token, a free one if it has none; NULL: the set is full. */
static struct refusal *slot_for(struct refusals *r, struct set *s, const uint8_t id[ID_SIZE])
{
    if (s->slot == NULL)
        s->slot = calloc(SLOTS, sizeof(*s->slot));
    struct refusal *slot = s->slot != NULL ? find(s->slot, id) : NULL;
    if (slot == NULL || slot->last != 0)
        return slot;
    if (s->held == REFUSALS_TAKEN_MAX)
        return NULL;
    s->held++;
    atomic_fetch_add(&r->held, 1);
    memcpy(slot->id, id, ID_SIZE);
    return slot;
}

void refusals_note(struct refusals *r, unsigned set, const uint8_t id[ID_SIZE], enum status reason,
                   uid_t by, int64_t now)
{
    const struct refusal one = {
        .reason = (uint8_t)reason,
        .by = by,
        .last = now > 0 ? now : 1,
        .count = 1,
        .ended = reason == STATUS_EXPIRED || reason == STATUS_REVOKED,
    };
    struct set *s = &r->set[set];

    pthread_mutex_lock(&s->mutex);
    struct refusal *slot = slot_for(r, s, id);
    if (slot != NULL)
        refusal_add(slot, &one);
    else
        atomic_fetch_add(&s->dropped, 1);
    pthread_mutex_unlock(&s->mutex);
}

size_t refusals_take(struct refusals *r, unsigned set, struct refusal *taken)
{
    struct set *s = &r->set[set];
    size_t count = 0;

    if (atomic_load(&r->held) == 0)
        return 0;
    pthread_mutex_lock(&s->mutex);
    for (size_t i = 0; i < SLOTS && s->held > 0; i++)
        if (s->slot[i].count != 0)
            taken[count++] = s->slot[i];
    if (s->held > 0)
        memset(s->slot, 0, SLOTS * sizeof(*s->slot));
    atomic_fetch_sub(&r->held, s->held);
    s->held = 0;
    pthread_mutex_unlock(&s->mutex);
    return count;
}

void refusals_look(struct refusals *r, const uint8_t id[ID_SIZE], struct refusal *sum)
{
    if (atomic_load(&r->held) == 0)
        return;
    for (unsigned i = 0; i < r->sets; i++) {
        struct set *s = &r->set[i];
        pthread_mutex_lock(&s->mutex);
        if (s->held > 0)
            refusal_add(sum, find(s->slot, id));
        pthread_mutex_unlock(&s->mutex);
    }
}

void refusals_count_reuse(struct refusals *r, uint64_t more)
{
    atomic_fetch_add(&r->reuses, more);
}

uint64_t refusals_reuses(const struct refusals *r)
{
    return atomic_load(&r->reuses);
}

void refusals_forget(struct refusals *r, const uint8_t id[ID_SIZE])
{
    if (atomic_load(&r->held) == 0)
        return;
    for (unsigned i = 0; i < r->sets; i++) {
        struct set *s = &r->set[i];
        pthread_mutex_lock(&s->mutex);
        if (s->held > 0) {
            struct refusal *slot = find(s->slot, id);
            slot->count = slot->ended = 0;
        }
        pthread_mutex_unlock(&s->mutex);
    }
}

unsigned refusals_sets(const struct refusals *r)
{
    return r->sets;
}

uint64_t refusals_dropped(const struct refusals *r)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < r->sets; i++)
        sum += atomic_load(&r->set[i].dropped);
    return sum;
}

/* -- unknown values -------------------------------------------------------------------------- */

static void count(_Atomic uint64_t *counter)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

void refusals_note_unknown(struct refusals *r, unsigned set, uid_t by)
{
    struct set *s = &r->set[set];
    unsigned users = atomic_load_explicit(&s->users, memory_order_relaxed), i = 0;

    while (i < users && atomic_load_explicit(&s->unknown[i].uid, memory_order_relaxed) != by)
        i++;
    if (i == REFUSALS_UIDS) {
        count(&s->others);
        return;
    }
    if (i == users)
        atomic_store_explicit(&s->unknown[i].uid, by, memory_order_relaxed);
    count(&s->unknown[i].count);
    if (i == users)
        atomic_store_explicit(&s->users, users + 1, memory_order_release);
}

size_t refusals_unknown(const struct refusals *r, struct refusals_unknown unknown[REFUSALS_UIDS],
                        uint64_t *others)
{
    size_t found = 0;

    *others = 0;
    for (unsigned i = 0; i < r->sets; i++) {
        const struct set *s = &r->set[i];
        unsigned users = atomic_load_explicit(&s->users, memory_order_acquire);
        *others += atomic_load(&s->others);
        for (unsigned n = 0; n < users; n++) {
            uid_t uid = atomic_load_explicit(&s->unknown[n].uid, memory_order_relaxed);
            uint64_t more = atomic_load_explicit(&s->unknown[n].count, memory_order_relaxed);
            size_t at = 0;
            while (at < found && unknown[at].uid != uid)
                at++;
            if (at == found && found < REFUSALS_UIDS)
                unknown[found++] = (struct refusals_unknown){ .uid = uid };
            *(at < found ? &unknown[at].count : others) += more;
        }
    }
    return found;
}

void refusals_note_verdict(struct refusals *r, unsigned set, const uint8_t *id, enum status status,
                           uid_t by, int64_t now)
{
    if (status_row(status)->kind != ANSWER_NO)
        return;
    if (id != NULL)
        refusals_note(r, set, id, status, by, now);
    else if (status == STATUS_UNKNOWN || status == STATUS_MALFORMED)
        refusals_note_unknown(r, set, by);
}
