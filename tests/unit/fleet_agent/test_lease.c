/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/time.h>
#include <time.h>
#include <cmocka.h>

#include "plugin/fleet/lease.h"

#define SECOND INT64_C(1000000000)

static void lease_ends_one_length_after_the_beat(void **state)
{
    (void)state;
    const int64_t end = lease_end(100 * SECOND, 1500, 60 * SECOND);
    assert_true(end <= 100 * SECOND + 60 * SECOND - 1500 * SECOND / 1000);
    assert_true(end > 100 * SECOND + 60 * SECOND - 1500 * SECOND / 1000 - 1000);
}

static void age_that_is_none_earns_nothing(void **state)
{
    const double ages[] = { NAN, INFINITY, -INFINITY, -0.001, 1e300, 60000, 60001 };

    (void)state;
    for (size_t i = 0; i < sizeof(ages) / sizeof(ages[0]); i++)
        assert_int_equal(lease_end(100 * SECOND, ages[i], 60 * SECOND), 0);
    assert_true(lease_end(100 * SECOND, 0, 60 * SECOND) <= 160 * SECOND);
}

static void promise_is_kept_when_its_serial_is_reached(void **state)
{
    struct lease l = { 0 };

    (void)state;
    lease_promise(&l, 10, 100);
    lease_promise(&l, 20, 200);
    assert_false(lease_reached(&l, 9));
    assert_int_equal(l.until, 0);
    assert_true(lease_reached(&l, 19));
    assert_int_equal(l.until, 100);
    assert_true(lease_reached(&l, 25));
    assert_int_equal(l.until, 200);
    assert_int_equal(l.count, 0);
}

static void lease_never_gets_shorter(void **state)
{
    struct lease l = { .until = 500 };

    (void)state;
    lease_promise(&l, 1, 400);
    assert_false(lease_reached(&l, 1));
    assert_int_equal(l.until, 500);
}

/* A serial that goes back must not let a promise of a smaller place fulfil that of a greater one. */
static void serial_that_goes_back_fulfils_no_later_promise(void **state)
{
    struct lease l = { 0 };

    (void)state;
    lease_promise(&l, 20, 100);
    lease_promise(&l, 5, 900);
    assert_false(lease_reached(&l, 5));
    assert_int_equal(l.until, 0);
}

static void too_many_promises_keep_the_oldest(void **state)
{
    struct lease l = { 0 };

    (void)state;
    for (uint64_t i = 1; i <= 100; i++)
        lease_promise(&l, i, (int64_t)i * 10);
    assert_int_equal(l.count, LEASE_PROMISES_MAX);
    assert_true(lease_reached(&l, 1));
    assert_int_equal(l.until, 10);
    assert_false(lease_reached(&l, LEASE_PROMISES_MAX - 1) &&
                 l.until > (LEASE_PROMISES_MAX - 1) * 10);
    assert_true(lease_reached(&l, 100));
    assert_int_equal(l.until, 1000);
}

static void other_history_forgets_promises_and_keeps_the_lease(void **state)
{
    struct lease l = { .until = 50 };

    (void)state;
    lease_promise(&l, 1, 400);
    lease_forget(&l);
    assert_false(lease_reached(&l, 100));
    assert_int_equal(l.until, 50);
}

/* What the wall clock says has no part in it. */
static void clock_is_that_since_boot(void **state)
{
    struct timespec boot;

    (void)state;
    clock_gettime(CLOCK_BOOTTIME, &boot);
    const int64_t now = lease_clock();
    assert_true(now >= boot.tv_sec * SECOND + boot.tv_nsec);
    assert_true(now < (boot.tv_sec + 10) * SECOND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lease_ends_one_length_after_the_beat),
        cmocka_unit_test(age_that_is_none_earns_nothing),
        cmocka_unit_test(promise_is_kept_when_its_serial_is_reached),
        cmocka_unit_test(lease_never_gets_shorter),
        cmocka_unit_test(serial_that_goes_back_fulfils_no_later_promise),
        cmocka_unit_test(too_many_promises_keep_the_oldest),
        cmocka_unit_test(other_history_forgets_promises_and_keeps_the_lease),
        cmocka_unit_test(clock_is_that_since_boot),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
