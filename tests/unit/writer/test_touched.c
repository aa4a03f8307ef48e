/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "daemon/writer/touched.h"

static struct touched touched;

static void note(uint32_t number)
{
    uint8_t id[ID_SIZE] = { 0 };

    memcpy(id, &number, sizeof(number));
    touched_note(&touched, id);
}

static void each_user_finds_what_was_noted_since_it_began(void **state)
{
    (void)state;
    note(1);
    assert_int_equal(touched.count, 0);
    size_t first = touched_begin(&touched);
    note(2);
    size_t second = touched_begin(&touched);
    note(3);
    assert_int_equal(touched.count - first, 2);
    assert_int_equal(touched.count - second, 1);
    assert_int_equal(touched.id[second][0], 3);
    touched_end(&touched);
    note(4);
    assert_int_equal(touched.count - first, 3);
    touched_end(&touched);
    assert_int_equal(touched.count, 0);
    assert_null(touched.id);
}

static void more_than_it_keeps_is_known_to_be_lost(void **state)
{
    (void)state;
    touched_begin(&touched);
    for (uint32_t i = 0; i < 1 << 20 && !touched.lost; i++)
        note(i);
    assert_true(touched.lost);
    assert_true(touched.count < 1 << 20);
    touched_end(&touched);
    assert_false(touched.lost);
    assert_null(touched.id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_user_finds_what_was_noted_since_it_began),
        cmocka_unit_test(more_than_it_keeps_is_known_to_be_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
