/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/table/creation_index.h"
#include "proto/stamp.h"

static uint64_t walk(struct creation_index *index, uint64_t *sum)
{
    uint64_t count = 0;
    int64_t created = -1;
    uint64_t serial = 0;

    *sum = 0;
    for (size_t i = creation_index_after(index, INT64_MIN, 0); i < index->count; i++) {
        const struct creation_entry *e = &index->entry[i];
        if (e->removed)
            continue;
        assert_true(e->created > created || (e->created == created && e->serial > serial));
        created = e->created;
        serial = e->serial;
        *sum += serial;
        count++;
    }
    return count;
}

static void tokens_stay_sorted_through_additions_and_removals(void **state)
{
    (void)state;
    struct creation_index index = { .entry = NULL };
    uint64_t expected = 0, sum, count = 0;
    const uint8_t id[ID_SIZE] = { 0 };

    for (uint64_t serial = 1; serial <= 5000; serial++) {
        int64_t created = serial % 10 == 0 ? (int64_t)(serial * 37 % 1000) : (int64_t)serial;
        assert_int_equal(creation_index_reserve(&index, 1), 0);
        creation_index_add(&index, created, serial, id, 0);
        expected += serial;
        count++;
        if (serial % 3 == 0 && serial % 10 != 0) {
            creation_index_remove(&index, created, serial);
            creation_index_remove(&index, created, serial);
            expected -= serial;
            count--;
        }
        if (serial % 100 == 0) {
            assert_int_equal(walk(&index, &sum), count);
            assert_int_equal(sum, expected);
        }
    }
    creation_index_remove(&index, 4242, 1);
    assert_int_equal(walk(&index, &sum), count);
    creation_index_free(&index);
}

/* So it is with a token of the fleet, whose serial follows from its digest. */
static void token_that_comes_and_goes_is_there_once_or_not_at_all(void **state)
{
    (void)state;
    struct creation_index index = { .entry = NULL };
    const uint8_t id[ID_SIZE] = { 0 };
    uint64_t sum;

    for (uint64_t serial = 1; serial <= 200; serial++) {
        assert_int_equal(creation_index_reserve(&index, 1), 0);
        creation_index_add(&index, 5, serial, id, 0);
    }
    for (unsigned round = 0; round < 40; round++) {
        assert_true(creation_index_has(&index, 5, 100));
        creation_index_remove(&index, 5, 100);
        assert_false(creation_index_has(&index, 5, 100));
        assert_int_equal(walk(&index, &sum), 199);
        assert_int_equal(creation_index_reserve(&index, 1), 0);
        creation_index_add(&index, 5, 100, id, 0);
        creation_index_set_by(&index, 5, 100, round);
        assert_int_equal(walk(&index, &sum), 200);
    }
    size_t at = creation_index_before(&index, 5, 100);
    while (index.entry[at].removed)
        at++;
    assert_int_equal(index.entry[at].by, 39);
    creation_index_free(&index);
}

static void what_is_removed_in_turn_with_what_is_added_merges_no_tail(void **state)
{
    (void)state;
    struct creation_index index = { .entry = NULL };
    const uint8_t id[ID_SIZE] = { 0 };
    enum { SORTED = 1000, TURNS = 200 };
    uint64_t sum;

    assert_int_equal(creation_index_reserve(&index, SORTED + 10000), 0);
    for (uint64_t serial = 1; serial <= SORTED; serial++)
        creation_index_add(&index, 5, serial, id, 0);
    for (uint64_t serial = 1; serial <= TURNS; serial++) {
        creation_index_add(&index, 1, SORTED + serial, id, 0);
        creation_index_remove(&index, 5, serial); /* in order */
        creation_index_add(&index, 2, SORTED + serial, id, 0);
        creation_index_remove(&index, 2, SORTED + serial); /* in the tail */
        creation_index_set_by(&index, 1, SORTED + serial, 7);
        assert_int_equal(index.sorted, SORTED);
        assert_true(creation_index_has(&index, 1, SORTED + serial));
        assert_false(creation_index_has(&index, 2, SORTED + serial));
    }
    for (uint64_t serial = 1; serial < 9000; serial++)
        creation_index_add(&index, 1, SORTED + TURNS + serial, id, 7);
    creation_index_remove(&index, 1, SORTED + TURNS + 1);
    assert_int_equal(index.sorted, index.count); /* it was long */
    assert_int_equal(walk(&index, &sum), SORTED - TURNS + TURNS + 8998);
    for (size_t i = 0; i < index.count; i++)
        assert_int_equal(index.entry[i].by, index.entry[i].created == 1 ? 7 : 0);
    creation_index_free(&index);
}

static void what_is_removed_takes_no_space_for_long_though_nobody_lists(void **state)
{
    (void)state;
    struct creation_index index = { .entry = NULL };
    const uint8_t id[ID_SIZE] = { 0 };

    for (uint64_t serial = 1; serial <= 5000; serial++) {
        assert_int_equal(creation_index_reserve(&index, 1), 0);
        creation_index_add(&index, 5, serial, id, 0);
        if (serial > 100)
            creation_index_remove(&index, 5, serial - 100);
        assert_in_range(index.count, 0, 140);
    }
    creation_index_free(&index);
}

static void places_are_found_from_either_side(void **state)
{
    (void)state;
    struct creation_index index = { .entry = NULL };
    const uint8_t id[ID_SIZE] = { 0 };

    assert_int_equal(creation_index_reserve(&index, 10), 0);
    for (uint64_t serial = 10; serial > 0; serial--)
        creation_index_add(&index, (int64_t)(serial / 3), serial, id, 7);
    for (uint64_t serial = 1; serial <= 10; serial++) {
        assert_int_equal(creation_index_before(&index, (int64_t)(serial / 3), serial), serial - 1);
        assert_int_equal(creation_index_after(&index, (int64_t)(serial / 3), serial), serial);
    }
    assert_int_equal(creation_index_before(&index, INT64_MAX, UINT64_MAX), 10);
    assert_int_equal(creation_index_before(&index, INT64_MIN, 0), 0);
    assert_int_equal(creation_index_before(&index, 1, 0), 2);
    assert_int_equal(index.entry[4].by, 7);
    creation_index_free(&index);
}

static void latest_times_and_serials_have_their_places(void **state)
{
    struct creation_index index = { .entry = NULL };
    const uint8_t id[ID_SIZE] = { 1 };

    (void)state;
    assert_int_equal(creation_index_reserve(&index, 2), 0);
    creation_index_add(&index, STAMP_MAX, INT64_MAX, id, UINT32_MAX);
    creation_index_add(&index, STAMP_MAX, INT64_MAX - 1, id, 0);
    assert_int_equal(creation_index_before(&index, STAMP_MAX, INT64_MAX), 1);
    assert_int_equal(creation_index_after(&index, INT64_MAX, UINT64_MAX), 2);
    assert_int_equal(creation_index_after(&index, INT64_MIN, 0), 0);
    assert_int_equal(index.entry[1].created, STAMP_MAX);
    assert_int_equal(index.entry[1].serial, INT64_MAX);
    assert_int_equal(index.entry[1].by, UINT32_MAX);
    assert_memory_equal(index.entry[1].id, id, ID_SIZE);
    creation_index_remove(&index, STAMP_MAX, INT64_MAX);
    assert_true(index.entry[1].removed);
    assert_false(index.entry[0].removed);
    creation_index_free(&index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_stay_sorted_through_additions_and_removals),
        cmocka_unit_test(token_that_comes_and_goes_is_there_once_or_not_at_all),
        cmocka_unit_test(what_is_removed_in_turn_with_what_is_added_merges_no_tail),
        cmocka_unit_test(what_is_removed_takes_no_space_for_long_though_nobody_lists),
        cmocka_unit_test(places_are_found_from_either_side),
        cmocka_unit_test(latest_times_and_serials_have_their_places),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
