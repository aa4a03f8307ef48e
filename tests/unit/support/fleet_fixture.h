/* SPDX-License-Identifier: Apache-2.0 */
/* A fleet's cache with a small log, in the directory of a test, and what tests do with it. */
#ifndef JETON_TEST_FLEET_FIXTURE_H
#define JETON_TEST_FLEET_FIXTURE_H

#include "daemon/fleet/fleet_cache_private.h"
#include "tests/unit/support/fleet_tokens.h"

static const struct wal_shape small = { 3, 16 * WAL_BLOCK };
static struct fleet_entry entry;

static inline struct fleet_cache *open_cache(void)
{
    struct fleet_cache *c = fleet_cache_open_shape(path, &small, &problem);

    if (c == NULL)
        fail_msg("%s", problem.message);
    return c;
}

static inline struct fleet_cache *reopen(struct fleet_cache *c)
{
    fleet_cache_close(c);
    return open_cache();
}

static inline void commit(struct fleet_cache *c, uint64_t serial)
{
    struct fleet_place place = fleet_place_of(serial);

    assert_int_equal(fleet_cache_commit(c, serial > 0 ? &place : NULL), 0);
}

static inline void put(struct fleet_cache *c, uint64_t number, unsigned version)
{
    fleet_token(&entry, number, version);
    assert_int_equal(fleet_cache_put(c, &entry), 0);
}

static inline enum store_found find(struct fleet_cache *c, uint64_t number)
{
    uint8_t digest[DIGEST_SIZE];

    fleet_digest(number, digest);
    return fleet_cache_find(c, digest, &entry);
}

static inline int version_of(struct fleet_cache *c, uint64_t number)
{
    return find(c, number) == STORE_FOUND ? fleet_version(&entry, number) : -1;
}

struct counting {
    struct fleet_visitor visitor;
    size_t count;
    uint8_t last[DIGEST_SIZE];
    bool ascending;
};

static inline bool count_one(struct fleet_visitor *visitor, const struct fleet_entry *e)
{
    struct counting *n = (struct counting *)visitor;

    n->ascending = n->ascending && memcmp(n->last, e->record.digest, DIGEST_SIZE) < 0;
    memcpy(n->last, e->record.digest, DIGEST_SIZE);
    n->count++;
    return true;
}

static inline size_t count_all(struct fleet_cache *c)
{
    struct counting n = { .visitor.visit = count_one, .ascending = true };

    if (!fleet_cache_each(c, &n.visitor, &problem))
        fail_msg("%s", problem.message);
    assert_true(n.ascending);
    return n.count;
}

static inline void deny(struct fleet_cache *c, uint64_t number)
{
    if (find(c, number) != STORE_FOUND)
        fleet_token(&entry, number, 0);
    entry.record.revoked = 90;
    assert_int_equal(fleet_cache_put(c, &entry), 0);
}

#endif
