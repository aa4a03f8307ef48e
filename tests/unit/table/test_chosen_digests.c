/* SPDX-License-Identifier: Apache-2.0 */
/* Digests of a fleet's tokens that somebody has chosen so that they begin alike, or by the table's seed, which he
 * reads.  What they cost is counted in slots that are passed over: so far is a token from its home. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>

#include "daemon/table/generation.h"
#include "daemon/table/token_bans.h"
#include "daemon/table/token_table.h"
#include "proto/token.h"

/* FEW: slots passed over for each token, on an average; by chance it is 0.9 where 62 of a hundred slots are in use. */
enum { CHOSEN = 10000, LOCAL = 1000, FEW = 8, NEAR = 64, CLOSE = 1500 };

static struct token_table *table;
static uint8_t digest[CHOSEN][DIGEST_SIZE];

static void begin_table(bool fleet)
{
    table = token_table_new("jtn", 0);
    assert_non_null(table);
    if (fleet)
        assert_int_equal(token_table_use_fleet(table), 0);
}

static int set_up(void **state)
{
    (void)state;
    begin_table(true);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    token_table_free(table);
    return 0;
}

static void put(const uint8_t wanted[DIGEST_SIZE], const char *group)
{
    struct record r = { .serial = 1, .created = 1, .expires = TIME_NEVER };

    memcpy(r.digest, wanted, DIGEST_SIZE);
    assert_null(record_set_group(&r, slice_of(group)));
    assert_int_equal(token_table_reserve(table, 1, r.subject_len + r.scopes_len), 0);
    token_table_put(table, &r);
}

static void local_digest(unsigned number, uint8_t wanted[DIGEST_SIZE])
{
    char value[40];

    snprintf(value, sizeof(value), "value-%026u", number);
    token_digest(slice_of(value), wanted);
}

/* Return the slots between a token and its home, which whoever looks it up reads in vain. */
static uint32_t passed(const uint8_t wanted[DIGEST_SIZE])
{
    const struct generation *g = token_table_lock(table);
    struct place place = generation_place(g, wanted);
    uint32_t home = table_home(&g->table, wanted), slots = g->table.slot_count;

    token_table_unlock(table);
    assert_true(place.found);
    return (place.slot + slots - home) % slots;
}

static uint32_t passed_local(void)
{
    uint8_t wanted[DIGEST_SIZE];
    uint32_t sum = 0;

    for (unsigned i = 0; i < LOCAL; i++) {
        local_digest(i, wanted);
        sum += passed(wanted);
    }
    return sum;
}

static uint64_t passed_chosen(size_t count)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += passed(digest[i]);
    return sum;
}

static uint32_t flags_of(const uint8_t wanted[DIGEST_SIZE])
{
    struct table_entry entry;
    const struct generation *g = token_table_enter(table, 0);
    enum table_found found = table_find(token_table_table(g), wanted, &entry);

    token_table_leave(table, 0);
    assert_int_equal(found, TABLE_HIT);
    return entry.flags;
}

/* -- what begins alike -------------------------------------------------------------------------- */

/* All but one or two bytes are the same; or four, whose numbers follow each other. */
static void choose(unsigned from, unsigned to)
{
    for (unsigned i = 0; i < CHOSEN; i++) {
        memset(digest[i], 0x41, DIGEST_SIZE);
        for (unsigned at = from, left = i; at <= to; at++, left >>= 8)
            digest[i][at] = (uint8_t)left;
    }
}

static void put_beside_local_tokens(void)
{
    uint8_t wanted[DIGEST_SIZE];

    for (unsigned i = 0; i < LOCAL; i++) {
        local_digest(i, wanted);
        put(wanted, "");
    }
    for (unsigned i = 0; i < CHOSEN; i++)
        put(digest[i], "web");
}

static void are_spread(unsigned from, unsigned to)
{
    choose(from, to);
    begin_table(true);
    put_beside_local_tokens();
    assert_in_range(passed_chosen(CHOSEN), 0, FEW * CHOSEN);
    assert_in_range(passed_local(), 0, FEW * LOCAL);
    assert_false(token_table_is_crowded(table));
    token_table_free(table);
}

static void digests_that_begin_alike_are_spread_and_cost_others_nothing(void **state)
{
    (void)state;
    are_spread(8, 9); /* of an id, the last two bytes */
    are_spread(4, 7);
    are_spread(6, 7);
    are_spread(2, 3);
    are_spread(0, 1);
}

static void they_are_in_one_run_without_a_fleet(void **state)
{
    (void)state;
    choose(4, 7);
    begin_table(false);
    for (unsigned i = 0; i < NEAR; i++)
        put(digest[i], "");
    assert_int_equal(passed(digest[NEAR - 1]),
                     NEAR - 1); /* so the others are no tests that always pass */
    assert_false(token_table_is_crowded(table));
    token_table_free(table);
}

/* As the layout's readers expect: those of older libraries, too. */
static void the_seed_is_random_and_odd_and_only_a_fleets(void **state)
{
    const struct table_header *h = token_table_lock(table)->header;
    uint64_t seed[2] = { h->seed[0], h->seed[1] };

    (void)state;
    token_table_unlock(table);
    assert_true(seed[0] % 2 == 1 && seed[1] % 2 == 1);
    assert_int_equal(token_table_reserve(table, 100000, 0), 0);
    h = token_table_lock(table)->header;
    assert_memory_equal(h->seed, seed, sizeof(seed)); /* so that a growth copies in order */
    token_table_unlock(table);
    token_table_free(table);
    begin_table(false);
    h = token_table_lock(table)->header;
    assert_true(h->seed[0] == 0 && h->seed[1] == 0);
    token_table_unlock(table);
    assert_int_equal(token_table_use_fleet(table), 0);
    h = token_table_lock(table)->header;
    assert_true(h->seed[0] != seed[0] && h->seed[1] != seed[1]); /* a daemon's next start */
    token_table_unlock(table);
}

static void what_denies_them_stays_through_growth(void **state)
{
    uint8_t unknown[DIGEST_SIZE];

    (void)state;
    choose(4, 7);
    assert_int_equal(token_table_keep_bans(table, true), 0);
    for (unsigned i = 0; i < CHOSEN; i++) {
        put(digest[i], "web");
        if (i % 2 == 0)
            assert_true(token_table_deny(table, digest[i], SLOT_REVOKED, NULL));
        memcpy(unknown, digest[i], DIGEST_SIZE);
        unknown[0]++;
        assert_int_equal(token_table_reserve(table, 1, 0), 0);
        token_bans_put(table, unknown);
    }
    for (unsigned i = 0; i < CHOSEN; i++) {
        assert_int_equal(flags_of(digest[i]) & SLOT_REVOKED, i % 2 == 0 ? SLOT_REVOKED : 0);
        memcpy(unknown, digest[i], DIGEST_SIZE);
        unknown[0]++;
        assert_true(flags_of(unknown) & SLOT_BANNED);
    }
    assert_in_range(passed_chosen(CHOSEN), 0, FEW * CHOSEN);
}

/* -- what is chosen by the seed ----------------------------------------------------------------- */

/* Choose digests whose homes are the first slots. */
static void choose_by_seed(void)
{
    const struct generation *g = token_table_lock(table);
    uint64_t number = 0;

    for (unsigned i = 0; i < CLOSE; i++) {
        memset(digest[i], 0, DIGEST_SIZE);
        do {
            number++;
            memcpy(digest[i], &number, sizeof(number));
        } while (table_home(&g->table, digest[i]) >= NEAR);
    }
    token_table_unlock(table);
}

static void put_chosen_by_seed(void)
{
    assert_int_equal(token_table_reserve(table, CHOSEN, 0), 0);
    choose_by_seed();
    for (unsigned i = 0; i < CLOSE; i++) {
        put(digest[i], "web");
        if (i % 3 == 0)
            assert_true(token_table_deny(table, digest[i], SLOT_REVOKED, NULL));
    }
}

static void what_was_chosen_by_the_seed_is_spread_by_another_one(void **state)
{
    (void)state;
    put_chosen_by_seed();
    assert_in_range(passed(digest[CLOSE - 1]), CLOSE - NEAR, CLOSE);
    assert_true(token_table_is_crowded(table));
    assert_int_equal(token_table_spread(table), 0);
    assert_false(token_table_is_crowded(table));
    assert_in_range(passed_chosen(CLOSE), 0, FEW * CLOSE);
    for (unsigned i = 0; i < CLOSE; i++)
        assert_int_equal(flags_of(digest[i]) & SLOT_REVOKED, i % 3 == 0 ? SLOT_REVOKED : 0);
    assert_int_equal(token_table_reserve(table, 100000, 0), 0); /* a growth keeps the new one */
    assert_in_range(passed_chosen(CLOSE), 0, FEW * CLOSE);
}

/* Last uses, which lie beside the slots, come along. */
static void a_last_use_stays_with_its_token(void **state)
{
    uint8_t whole[DIGEST_SIZE];
    int64_t used;

    (void)state;
    put_chosen_by_seed();
    const struct generation *g = token_table_lock(table);
    uint32_t slot = generation_place(g, digest[CLOSE / 2]).slot;
    token_table_unlock(table);
    token_table_touch(g, slot, 1000000);
    assert_int_equal(token_table_spread(table), 0);
    for (unsigned i = 0; i < CLOSE; i++) {
        assert_true(token_table_look(table, digest[i], whole, &used) != 0);
        assert_int_equal(used, i == CLOSE / 2 ? 1000000 : 0);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_that_begin_alike_are_spread_and_cost_others_nothing),
        cmocka_unit_test(they_are_in_one_run_without_a_fleet),
        TEST(the_seed_is_random_and_odd_and_only_a_fleets),
        TEST(what_denies_them_stays_through_growth),
        TEST(what_was_chosen_by_the_seed_is_spread_by_another_one),
        TEST(a_last_use_stays_with_its_token),
    };

    return sodium_init() < 0 || cmocka_run_group_tests(tests, NULL, NULL);
}
