/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a fleet's cache: batches, denials, rewinds, compactions, snapshots and restarts, chosen by
 * chance, and a model of what was acknowledged.  After a call that failed, the cache is as it was before the call,
 * or as if that had succeeded. */
#ifndef JETON_TEST_FLEET_LIFE_H
#define JETON_TEST_FLEET_LIFE_H

#include "daemon/fleet/fleet_cache_private.h"
#include "tests/unit/support/fleet_tokens.h"

enum { LIFE_TOKENS = 24, LIFE_UNSENT = 16, LIFE_PLACES = 600 };

struct life_token {
    bool there, revoked, deleted;
    bool denied_meanwhile; /* since a snapshot began */
    unsigned version;
};

struct life_model {
    struct life_token token[LIFE_TOKENS];
    uint64_t place[LIFE_PLACES]; /* serials */
    int places;
    uint64_t unsent[LIFE_UNSENT];
    int unsents;
};

static const struct wal_shape life_shape = { 3, 8 * WAL_BLOCK };

struct life_state {
    char store[96];
    struct fleet_cache *cache; /* NULL: not open */
    struct life_model is;      /* what was acknowledged */
    struct life_model may;     /* what it is if the last call succeeded after all */
    bool doubt;                /* the last call failed */
    uint64_t serial;           /* the greatest that was used */
    unsigned version;
    uint32_t random;
    bool (*ended)(void); /* NULL, or whether nothing is acknowledged any more */
};

/* It may be in memory that a process which dies has in common with its parent. */
static struct life_state life_own, *life_now = &life_own;
#define life (*life_now)

static uint32_t life_random(uint32_t below)
{
    life.random = life.random * UINT32_C(1664525) + UINT32_C(1013904223);
    return (life.random >> 8) % below;
}

static void life_begin(const char *store, uint32_t seed)
{
    life = (struct life_state){ 0 };
    snprintf(life.store, sizeof(life.store), "%s", store);
    life.random = seed * UINT32_C(2654435761) + 1;
}

/* -- comparing -------------------------------------------------------------------------------- */

static inline bool life_token_equal(struct fleet_cache *c, const struct life_token *t, int number)
{
    static struct fleet_entry e;
    uint8_t digest[DIGEST_SIZE];

    fleet_digest((uint64_t)number, digest);
    enum store_found found = fleet_cache_find(c, digest, &e);
    if (found != STORE_FOUND || !t->there)
        return found == STORE_ABSENT && !t->there;
    int version = fleet_version(&e, (uint64_t)number);
    /* of what is revoked the claims may be of a snapshot that was not completed */
    return (e.record.revoked != 0) == t->revoked && e.deleted == t->deleted && version >= 0 &&
           ((unsigned)version == t->version || t->revoked);
}

static inline bool life_equal(struct fleet_cache *c, const struct life_model *m)
{
    struct fleet_place places[LIFE_PLACES + 1];
    struct fleet_unsent denial;
    uint64_t after = 0;

    for (int i = 0; i < LIFE_TOKENS; i++)
        if (!life_token_equal(c, &m->token[i], i))
            return false;
    int count = (int)fleet_cache_places(c, 0, places, LIFE_PLACES + 1);
    for (int i = 0; i < count && count == m->places; i++) {
        struct fleet_place place = fleet_place_of(m->place[m->places - 1 - i]);
        if (!fleet_place_equal(&places[i], &place))
            return false;
    }
    for (int i = 0; i < m->unsents; i++)
        if (!fleet_cache_unsent_next(c, &after, &denial) || denial.number != m->unsent[i])
            return false;
    return count == m->places && !fleet_cache_unsent_next(c, &after, &denial);
}

/* Print what differs. */
static inline void life_explain(struct fleet_cache *c, const struct life_model *m)
{
    static struct fleet_entry e;
    struct fleet_place place = fleet_cache_place(c);
    uint8_t digest[DIGEST_SIZE];

    for (int i = 0; i < LIFE_TOKENS; i++) {
        const struct life_token *t = &m->token[i];
        if (life_token_equal(c, t, i))
            continue;
        fleet_digest((uint64_t)i, digest);
        enum store_found found = fleet_cache_find(c, digest, &e);
        printf("token %d: there %d revoked %d deleted %d version %u; found %d %d %d %d\n", i,
               t->there, t->revoked, t->deleted, t->version, found, e.record.revoked != 0,
               e.deleted, found == STORE_FOUND ? fleet_version(&e, (uint64_t)i) : -1);
    }
    printf("place %llu of %d; found %llu of %zu; unsent %d; found %zu\n",
           (unsigned long long)(m->places > 0 ? m->place[m->places - 1] : 0), m->places,
           (unsigned long long)place.serial, c->places.count, m->unsents, c->unsent.count);
}

/* Find out after a failure which of both it is.  False: neither. */
static inline bool life_settle(struct fleet_cache *c)
{
    if (life.doubt && life_equal(c, &life.may))
        life.is = life.may;
    life.doubt = false;
    if (life_equal(c, &life.is))
        return true;
    life_explain(c, &life.is);
    life_explain(c, &life.may);
    return false;
}

/* Note how a call ended; from then on what was in doubt is known. */
static inline void life_note(int error)
{
    bool ended = life.ended != NULL && life.ended();

    life.doubt = error != 0 || ended;
    if (!life.doubt)
        life.is = life.may;
}

/* -- what is done ----------------------------------------------------------------------------- */

static inline void life_push(struct life_model *m, uint64_t serial)
{
    m->place[m->places++] = serial;
}

/* Stage one token: put, or drop. */
static inline int life_stage(struct life_model *m, int number, bool drops)
{
    static struct fleet_entry had, comes;
    struct life_token *t = &m->token[number];

    fleet_token(&comes, (uint64_t)number, ++life.version);
    enum store_found found = fleet_cache_find(life.cache, comes.record.digest, &had);
    if (found == STORE_FAILED)
        return -EIO;
    if (drops && found == STORE_FOUND)
        fleet_entry_copy(&comes, &had);
    else if (found == STORE_FOUND)
        fleet_entry_merge(&comes, &had);
    comes.deleted = comes.deleted || drops;
    t->version = drops && t->there ? t->version : life.version;
    t->there = true;
    t->deleted = t->deleted || drops;
    return fleet_cache_put(life.cache, &comes);
}

static inline int life_batch(void)
{
    struct fleet_place place = fleet_place_of(++life.serial);
    int error = 0;

    for (uint32_t n = 1 + life_random(4); n > 0 && error == 0; n--)
        error = life_stage(&life.may, (int)life_random(LIFE_TOKENS), life_random(8) == 0);
    if (error != 0) {
        fleet_cache_abort(life.cache);
        life.may = life.is;
        return error;
    }
    life_push(&life.may, life.serial);
    return fleet_cache_commit(life.cache, &place);
}

/* Deny a token here, to be sent; or note that the first was sent. */
static inline int life_deny(struct life_model *m)
{
    static struct fleet_entry e;
    int number = (int)life_random(LIFE_TOKENS), error = 0;
    struct fleet_unsent denial = { .event = FLEET_REVOKE, .by = 1000, .time = 1700000000 };

    if (m->unsents == LIFE_UNSENT || life_random(4) == 0) {
        error = m->unsents > 0 ? fleet_cache_unsent_remove(life.cache, m->unsent[0]) : 0;
        m->unsents -= m->unsents > 0;
        memmove(m->unsent, m->unsent + 1, sizeof(m->unsent) - sizeof(m->unsent[0]));
    } else {
        fleet_token(&e, (uint64_t)number, ++life.version);
        memcpy(denial.digest, e.record.digest, DIGEST_SIZE);
        enum store_found found = fleet_cache_find(life.cache, e.record.digest, &e);
        error = found == STORE_FAILED ? -EIO : 0;
        m->token[number].version = found == STORE_FOUND ? m->token[number].version : life.version;
        m->token[number].there = m->token[number].revoked = true;
        m->token[number].denied_meanwhile = true;
        e.record.revoked = e.record.revoked != 0 ? e.record.revoked : 1700000000;
        error = error != 0 ? error : fleet_cache_put(life.cache, &e);
        error = error != 0 ? error : fleet_cache_unsent_add(life.cache, &denial);
        m->unsent[m->unsents++] = denial.number;
    }
    return error;
}

static inline int life_denial(void)
{
    int error = life_deny(&life.may);

    if (error == 0)
        return fleet_cache_commit(life.cache, NULL);
    fleet_cache_abort(life.cache);
    life.may = life.is;
    return error;
}

static inline int life_rewind(void)
{
    if (life.is.places == 0)
        return 0;
    life.may.places = 1 + (int)life_random((uint32_t)life.is.places);
    struct fleet_place place = fleet_place_of(life.may.place[life.may.places - 1]);
    return fleet_cache_rewind(life.cache, &place);
}

static inline int life_compare(const void *a, const void *b)
{
    uint8_t left[DIGEST_SIZE], right[DIGEST_SIZE];

    fleet_digest((uint64_t) * (const int *)a, left);
    fleet_digest((uint64_t) * (const int *)b, right);
    return memcmp(left, right, DIGEST_SIZE);
}

static inline bool life_dropped(struct fleet_visitor *visitor, const struct fleet_entry *e)
{
    (void)visitor;
    return !e->deleted && record_is_fleet(&e->record);
}

/* Work out what a snapshot leaves of a token; `had` is what it was at the beginning. */
static inline void life_snapshot_token(struct life_token *t, const struct life_token *had,
                                       unsigned version)
{
    if (version > 0) {
        t->there = true;
        t->version = version;
        t->deleted = t->deleted && t->denied_meanwhile; /* with the entry that was committed then */
    } else if (!t->revoked) {
        *t = (struct life_token){ 0 };
    } else {
        t->deleted = t->deleted || had->there;
    }
}

/* Put most tokens, in order; what is denied between two of them is acknowledged by itself. */
static inline int life_snapshot_puts(unsigned version[LIFE_TOKENS])
{
    static struct fleet_entry e;
    int order[LIFE_TOKENS], error = 0;

    for (int i = 0; i < LIFE_TOKENS; i++)
        order[i] = i;
    qsort(order, LIFE_TOKENS, sizeof(order[0]), life_compare);
    for (int i = 0; i < LIFE_TOKENS && error == 0; i++) {
        if (life_random(20) == 0) {
            life_note(life_denial());
            if (life.doubt)
                return -EIO;
            life.may = life.is;
        }
        version[order[i]] = life_random(4) > 0 ? ++life.version : 0;
        if (error != 0 || version[order[i]] == 0)
            continue;
        fleet_token(&e, (uint64_t)order[i], version[order[i]]);
        error = fleet_cache_snapshot_put(life.cache, &e, NULL);
    }
    return error;
}

static inline int life_snapshot(void)
{
    const struct life_model before = life.is;
    struct fleet_visitor dropped = { .visit = life_dropped };
    unsigned version[LIFE_TOKENS] = { 0 };

    for (int i = 0; i < LIFE_TOKENS; i++)
        life.is.token[i].denied_meanwhile = life.may.token[i].denied_meanwhile = false;
    int error = fleet_cache_snapshot_begin(life.cache);

    if (error == 0)
        error = life_snapshot_puts(version);
    if (error != 0 || life_random(6) == 0) {
        fleet_cache_snapshot_abort(life.cache);
        return error;
    }
    for (int i = 0; i < LIFE_TOKENS; i++)
        life_snapshot_token(&life.may.token[i], &before.token[i], version[i]);
    struct fleet_place place = fleet_place_of(++life.serial);
    life.may.places = 0;
    life_push(&life.may, life.serial);
    return fleet_cache_snapshot_end(life.cache, &place, &dropped);
}

/* -- a step ------------------------------------------------------------------------------------ */

static inline int life_open(void)
{
    life.cache = fleet_cache_open_shape(life.store, &life_shape, &problem);
    return life.cache != NULL ? 0 : -EIO;
}

static inline void life_close(void)
{
    fleet_cache_close(life.cache);
    life.cache = NULL;
}

/* Do one thing; false: the cache cannot be opened. */
static inline bool life_step(void)
{
    int error = 0;

    if (life.cache == NULL && life_open() != 0)
        return false;
    if (life.doubt)
        return true;
    life.may = life.is;
    switch (life_random(16)) {
    case 0:
        life_close();
        return true;
    case 1:
        error = fleet_compact_now(life.cache) ? 0 : -EIO;
        life.cache->failed = false;
        break;
    case 2:
        error = life_snapshot();
        break;
    case 3:
        error = life_rewind();
        break;
    case 4:
    case 5:
    case 6:
        error = life_denial();
        break;
    default:
        error = life_batch();
    }
    life_note(error);
    return true;
}

/* Find out what is there after a failure: an empty commit settles it.  False: it cannot be known yet. */
static inline bool life_recover(void)
{
    if (life.cache == NULL)
        return life_open() == 0;
    life.cache->retry_at = 0;
    return fleet_cache_commit(life.cache, NULL) == 0;
}

#endif
