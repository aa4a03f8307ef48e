/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/base/uid_table.h"

/* Uids of one bucket, of its neighbours, and the last one that there is. */
static const uid_t uids[] = { 0, UID_TABLE_BUCKETS, 2 * UID_TABLE_BUCKETS, 1, 63, (uid_t)-1 };

enum { COUNT = sizeof(uids) / sizeof(uids[0]) };

static struct uid_table table;
static struct uid_entry entries[COUNT];

static int fill(void **state)
{
    (void)state;
    table = (struct uid_table){ { NULL } };
    for (size_t i = 0; i < COUNT; i++)
        uid_table_add(&table, &entries[i], uids[i]);
    return 0;
}

static void a_uid_finds_its_own_entry_and_no_other(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT; i++)
        assert_ptr_equal(uid_table_find(&table, uids[i]), &entries[i]);
    assert_null(uid_table_find(&table, 3 * UID_TABLE_BUCKETS));
    assert_null(uid_table_find(&table, 2));
}

static void each_entry_can_be_removed_and_the_others_stay(void **state)
{
    for (size_t removed = 0; removed < COUNT; removed++) {
        fill(state);
        uid_table_remove(&table, &entries[removed]);
        for (size_t i = 0; i < COUNT; i++)
            assert_ptr_equal(uid_table_find(&table, uids[i]), i == removed ? NULL : &entries[i]);
    }
}

static void a_removed_entry_can_be_added_for_another_uid(void **state)
{
    (void)state;
    uid_table_remove(&table, &entries[1]);
    uid_table_add(&table, &entries[1], 7);
    assert_ptr_equal(uid_table_find(&table, 7), &entries[1]);
    assert_null(uid_table_find(&table, uids[1]));
}

static void a_walk_meets_every_entry_once(void **state)
{
    unsigned met[COUNT] = { 0 };

    (void)state;
    for (const struct uid_entry *e = NULL; (e = uid_table_next(&table, e)) != NULL;)
        met[e - entries]++;
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(met[i], 1);
}

static void a_walk_through_an_empty_table_ends_at_once(void **state)
{
    const struct uid_table empty = { { NULL } };

    (void)state;
    assert_null(uid_table_next(&empty, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_uid_finds_its_own_entry_and_no_other, fill),
        cmocka_unit_test_setup(each_entry_can_be_removed_and_the_others_stay, fill),
        cmocka_unit_test_setup(a_removed_entry_can_be_added_for_another_uid, fill),
        cmocka_unit_test_setup(a_walk_meets_every_entry_once, fill),
        cmocka_unit_test(a_walk_through_an_empty_table_ends_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
