/* SPDX-License-Identifier: Apache-2.0 */
/* What the clock is worth, judged by the journal: no clock is waited for here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/writer/clock_check.h"

enum { DAY = 86400, YEAR = 365 * DAY, NEWEST = 50 * YEAR, WAIT = 600, UPTIME = 100 };

static struct clock_check check;
static struct clock_reading now;

/* Start at this time of day, with a journal that ends at NEWEST. */
static void start(int64_t host)
{
    clock_check_begin(&check, NEWEST, 0);
    now = (struct clock_reading){ .host = host, .monotonic = UPTIME, .newest = NEWEST };
}

static struct clock_state step(void)
{
    return clock_check_step(&check, &now);
}

static struct clock_state after(int64_t seconds)
{
    struct clock_state state = step();

    for (; seconds > 0; seconds--) {
        now.host++;
        now.monotonic++;
        state = step();
    }
    return state;
}

static void a_plausible_clock_is_relied_on_after_ten_minutes(void **state)
{
    (void)state;
    start(NEWEST + DAY);
    assert_false(after(WAIT - 1).may_purge);
    struct clock_state last = after(1);
    assert_true(last.may_purge);
    assert_int_equal(last.ahead, 0);
    assert_int_equal(last.behind, 0);
}

static void a_clock_years_ahead_purges_nothing_however_long_it_runs(void **state)
{
    (void)state;
    start(NEWEST + 12 * YEAR);
    struct clock_state last = after(30 * DAY / 60);
    assert_false(last.may_purge);
    assert_true(last.ahead >= 12 * YEAR);
    now.newest = now.host; /* a change that is made meanwhile proves nothing */
    assert_false(after(2 * WAIT).may_purge);
}

static void a_clock_far_ahead_is_relied_on_once_it_is_synchronised_for_ten_minutes(void **state)
{
    (void)state;
    start(NEWEST + 12 * YEAR);
    after(2 * WAIT);
    now.synchronised = true;
    assert_false(after(WAIT - 1).may_purge);
    assert_true(after(1).may_purge);
    now.synchronised = false; /* the time server is gone: what was relied on goes on */
    assert_true(after(WAIT).may_purge);
}

static void a_clock_far_ahead_is_relied_on_if_the_operator_trusts_it(void **state)
{
    (void)state;
    start(NEWEST + 12 * YEAR);
    assert_false(after(2 * WAIT).may_purge);
    now.trusted = true;
    assert_true(after(1).may_purge);
    now.host -= 12 * YEAR; /* but not when it was just set */
    assert_false(after(WAIT - 1).may_purge);
    assert_true(after(1).may_purge);
}

static void a_clock_that_is_set_is_relied_on_ten_minutes_later(void **state)
{
    (void)state;
    start(NEWEST + DAY);
    assert_true(after(WAIT).may_purge);
    now.host += 3600;
    assert_false(after(WAIT - 1).may_purge);
    assert_true(after(1).may_purge);
    now.host += YEAR;
    assert_false(after(2 * WAIT).may_purge);
}

static void a_clock_behind_the_journal_is_not_followed_unless_it_is_believed(void **state)
{
    (void)state;
    start(NEWEST - 12 * YEAR);
    struct clock_state last = after(2 * WAIT);
    assert_int_equal(last.floor, NEWEST);
    assert_int_equal(last.behind, 12 * YEAR - 2 * WAIT);
    assert_false(last.may_purge);
    now.synchronised = true;
    last = after(1);
    assert_int_equal(last.floor, 0);
    assert_true(last.behind > 0);
    now.synchronised = false;
    assert_int_equal(after(1).floor, NEWEST);
    now.host = NEWEST + 1;
    last = after(WAIT);
    assert_int_equal(last.behind, 0);
    assert_true(last.may_purge);
    start(NEWEST - 12 * YEAR);
    now.trusted = true;
    assert_int_equal(after(1).floor, 0);
}

static void entries_of_a_wrong_clock_prove_nothing_after_a_restart(void **state)
{
    (void)state;
    start(NEWEST + 12 * YEAR);
    assert_int_equal(clock_check_begin(&check, NEWEST + 12 * YEAR, NEWEST), NEWEST + 12 * YEAR);
    now.newest = NEWEST + 12 * YEAR;
    assert_false(after(2 * WAIT).may_purge);
    assert_int_equal(clock_check_begin(&check, NEWEST, NEWEST + DAY), NEWEST + DAY);
    start(NEWEST);
    clock_check_begin(&check, NEWEST, NEWEST + DAY);
    assert_int_equal(after(1).floor, NEWEST + DAY);
}

static void an_empty_journal_is_no_measure(void **state)
{
    (void)state;
    start(12 * YEAR);
    clock_check_begin(&check, 0, 0);
    now.newest = 0;
    struct clock_state last = after(WAIT);
    assert_int_equal(last.floor, 0);
    assert_int_equal(last.ahead, 0);
    assert_true(last.may_purge);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plausible_clock_is_relied_on_after_ten_minutes),
        cmocka_unit_test(a_clock_years_ahead_purges_nothing_however_long_it_runs),
        cmocka_unit_test(a_clock_far_ahead_is_relied_on_once_it_is_synchronised_for_ten_minutes),
        cmocka_unit_test(a_clock_far_ahead_is_relied_on_if_the_operator_trusts_it),
        cmocka_unit_test(a_clock_that_is_set_is_relied_on_ten_minutes_later),
        cmocka_unit_test(a_clock_behind_the_journal_is_not_followed_unless_it_is_believed),
        cmocka_unit_test(entries_of_a_wrong_clock_prove_nothing_after_a_restart),
        cmocka_unit_test(an_empty_journal_is_no_measure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
