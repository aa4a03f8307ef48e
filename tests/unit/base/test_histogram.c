/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/base/histogram.h"

static void every_time_is_in_the_bucket_whose_bound_it_does_not_exceed(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 64; bits++) {
        for (int step = -2; step <= 2; step++) {
            uint64_t t = (UINT64_C(1) << bits) + (uint64_t)(int64_t)step;
            unsigned bucket = histogram_bucket(t);
            assert_in_range(bucket, 0, HISTOGRAM_BUCKETS - 1);
            assert_true(t <= histogram_bound(bucket));
            assert_true(bucket == 0 || t > histogram_bound(bucket - 1));
        }
    }
    assert_int_equal(histogram_bucket(0), 0);
    assert_int_equal(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
}

static void bounds_rise_by_at_most_a_quarter(void **state)
{
    (void)state;
    for (unsigned i = 1; i < HISTOGRAM_BUCKETS - 1; i++) {
        uint64_t below = histogram_bound(i - 1), here = histogram_bound(i);
        assert_true(here > below && here - below <= below / HISTOGRAM_SPLIT);
    }
    assert_true(histogram_bound(HISTOGRAM_BUCKETS - 2) == UINT64_C(1) << HISTOGRAM_MOST_BITS);
}

static void what_is_merged_adds_up(void **state)
{
    struct histogram a = { 0 }, b = { 0 }, sum = { 0 };

    (void)state;
    assert_int_equal(histogram_quantile(&sum, 500), 0);
    for (uint64_t i = 1; i <= 1000; i++)
        histogram_add(i % 2 == 0 ? &a : &b, i * 1000);
    histogram_merge(&sum, &a);
    histogram_merge(&sum, &b);
    assert_int_equal(histogram_total(&sum), 1000);
    assert_int_equal(sum.nanoseconds, 500500000);
    assert_in_range(histogram_quantile(&sum, 500), 500000, 625000);
    assert_in_range(histogram_quantile(&sum, 990), 990000, 1237500);
    assert_in_range(histogram_quantile(&sum, 1000), 1000000, 1250000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_time_is_in_the_bucket_whose_bound_it_does_not_exceed),
        cmocka_unit_test(bounds_rise_by_at_most_a_quarter),
        cmocka_unit_test(what_is_merged_adds_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
