/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "plugin/web/slowdown.h"

static void delay_doubles_with_each_wrong_secret_up_to_a_bound(void **state)
{
    struct slowdown s = { 0 };
    int64_t wanted = SLOWDOWN_FIRST_MS;

    (void)state;
    for (int i = 0; i < SLOWDOWN_LEVELS; i++, wanted *= 2)
        assert_int_equal(slowdown_wrong(&s, 1000 + i), wanted);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(slowdown_wrong(&s, 1100), wanted / 2);
    assert_int_equal(wanted / 2, 6400);
}

static void delay_halves_with_time_and_is_forgotten(void **state)
{
    struct slowdown s = { 0 };
    int64_t now = 5;

    (void)state;
    for (int i = 0; i < 4; i++)
        slowdown_wrong(&s, now);
    now += 2 * SLOWDOWN_FORGET_MS;
    assert_int_equal(slowdown_wrong(&s, now), SLOWDOWN_FIRST_MS << 2);
    now += SLOWDOWN_FORGET_MS - 1;
    assert_int_equal(slowdown_wrong(&s, now), SLOWDOWN_FIRST_MS << 3);
    now += INT64_C(1000) * SLOWDOWN_FORGET_MS;
    assert_int_equal(slowdown_wrong(&s, now), SLOWDOWN_FIRST_MS);
}

static void reports_come_once_a_minute_and_count_each_once(void **state)
{
    struct slowdown s = { 0 };

    (void)state;
    assert_int_equal(slowdown_report(&s, 1), 0);
    slowdown_wrong(&s, 2);
    assert_int_equal(slowdown_report(&s, 3), 1);
    for (int i = 0; i < 50; i++)
        slowdown_wrong(&s, 4 + i);
    assert_int_equal(slowdown_report(&s, 60), 0);
    assert_int_equal(slowdown_report(&s, 2 + SLOWDOWN_REPORT_MS), 0);
    assert_int_equal(slowdown_report(&s, 3 + SLOWDOWN_REPORT_MS), 50);
    assert_int_equal(slowdown_report(&s, 4 + 2 * SLOWDOWN_REPORT_MS), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delay_doubles_with_each_wrong_secret_up_to_a_bound),
        cmocka_unit_test(delay_halves_with_time_and_is_forgotten),
        cmocka_unit_test(reports_come_once_a_minute_and_count_each_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
