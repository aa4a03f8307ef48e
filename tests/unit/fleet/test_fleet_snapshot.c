/* SPDX-License-Identifier: Apache-2.0 */
/* A snapshot from the database, merged with what a fleet's cache has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "tests/unit/support/crash_disk.h" /* which syncs nothing */
#include "tests/unit/support/fleet_fixture.h"

/* -- a snapshot ------------------------------------------------------------------------------- */

static struct fleet_entry merged;
static uint64_t order[64];

static int compare(const void *a, const void *b)
{
    uint8_t left[DIGEST_SIZE], right[DIGEST_SIZE];

    fleet_digest(*(const uint64_t *)a, left);
    fleet_digest(*(const uint64_t *)b, right);
    return memcmp(left, right, DIGEST_SIZE);
}

static void snapshot_put(struct fleet_cache *c, uint64_t number, unsigned version)
{
    fleet_token(&entry, number, version);
    assert_int_equal(fleet_cache_snapshot_put(c, &entry, &merged), 0);
}

static void sort(size_t count)
{
    for (size_t i = 0; i < count; i++)
        order[i] = i;
    qsort(order, count, sizeof(order[0]), compare);
}

static void check_merged(struct fleet_cache *c)
{
    for (int i = 0; i < 2; i++) {
        for (int n = 0; n < 3; n++) {
            assert_int_equal(version_of(c, order[n]), 2);
            assert_int_equal(entry.record.revoked, 90);
        }
        assert_int_equal(find(c, order[3]), STORE_ABSENT);
        assert_int_equal(find(c, order[4]), STORE_FOUND);
        assert_true(entry.deleted && entry.record.revoked == 90);
        assert_int_equal(version_of(c, order[7]), 2);
        assert_int_equal(fleet_cache_place(c).serial, 1000);
        assert_int_equal(c->places.count, 1);
        c = reopen(c);
    }
    fleet_cache_close(c);
}

/* Revoked: 0 before, 1 during, before it comes, 2 during, behind it; 3 is dropped, 4 too and was revoked. */
static void a_snapshot_replaces_all_but_denials(void **state)
{
    struct fleet_cache *c = open_cache();
    struct counting dropped = { .visitor.visit = count_one, .ascending = true };
    struct fleet_place place = fleet_place_of(1000);

    (void)state;
    sort(8);
    for (uint64_t i = 0; i < 8; i++)
        put(c, i, 1);
    deny(c, order[0]);
    deny(c, order[4]);
    commit(c, 10);
    assert_int_equal(fleet_cache_snapshot_begin(c), 0);
    assert_int_equal(fleet_cache_commit(c, &place), -EBUSY);
    assert_int_equal(fleet_cache_rewind(c, &place), -EBUSY);
    snapshot_put(c, order[0], 2);
    assert_int_equal(merged.record.revoked, 90);
    deny(c, order[1]);
    commit(c, 0);
    snapshot_put(c, order[1], 2);
    assert_int_equal(merged.record.revoked, 90);
    snapshot_put(c, order[2], 2);
    assert_int_equal(merged.record.revoked, 0);
    deny(c, order[2]);
    commit(c, 0);
    for (uint64_t i = 5; i < 8; i++)
        snapshot_put(c, order[i], 2);
    assert_int_equal(version_of(c, order[6]), 1);
    assert_int_equal(fleet_cache_snapshot_end(c, &place, &dropped.visitor), 0);
    assert_int_equal(dropped.count, 2);
    check_merged(c);
}

static void a_snapshot_that_is_not_completed_changes_nothing(void **state)
{
    struct fleet_cache *c = open_cache();
    char name[128];

    (void)state;
    sort(4);
    put(c, order[0], 1);
    put(c, order[1], 1);
    commit(c, 10);
    assert_int_equal(fleet_cache_snapshot_begin(c), 0);
    assert_int_equal(fleet_cache_snapshot_begin(c), -EBUSY);
    snapshot_put(c, order[1], 2);
    fleet_token(&entry, order[0], 2);
    assert_int_equal(fleet_cache_snapshot_put(c, &entry, NULL), -EINVAL);
    struct fleet_place place = fleet_place_of(1000);
    assert_int_equal(fleet_cache_snapshot_end(c, &place, NULL), -EINVAL);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(version_of(c, order[0]), 1);
        assert_int_equal(version_of(c, order[1]), 1);
        assert_int_equal(fleet_cache_place(c).serial, 10);
        c = reopen(c);
    }
    fleet_cache_close(c);
    snprintf(name, sizeof(name), "%s.fleet.new", path);
    assert_int_equal(access(name, F_OK), -1);
}

/* More is dropped than the buffer of what is dropped holds. */
static void what_a_snapshot_drops_is_reported_completely(void **state)
{
    struct fleet_cache *c = open_cache();
    struct counting dropped = { .visitor.visit = count_one, .ascending = true };
    struct fleet_place place = fleet_place_of(1000);

    (void)state;
    for (uint64_t i = 0; i < 5000; i++)
        put(c, i, 1);
    commit(c, 10);
    assert_int_equal(fleet_cache_snapshot_begin(c), 0);
    snapshot_put(c, 77, 2);
    assert_int_equal(fleet_cache_snapshot_end(c, &place, &dropped.visitor), 0);
    assert_int_equal(dropped.count, 4999);
    assert_int_equal(count_all(c), 1);
    fleet_cache_close(c);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_snapshot_replaces_all_but_denials),
        TEST(a_snapshot_that_is_not_completed_changes_nothing),
        TEST(what_a_snapshot_drops_is_reported_completely),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
