/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/stamp.h"

static void assert_text(const struct text *t, const char *expected)
{
    assert_false(t->cut);
    assert_int_equal(t->len, strlen(expected));
    assert_memory_equal(t->at, expected, t->len);
}

static void stamps_round_trip(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t time;
    } cases[] = {
        { "1970-01-01T00:00:00Z", 0 },
        { "2000-02-29T23:59:59Z", 951868799 },
        { "2026-11-23T17:50:00Z", 1795456200 },
        { "9999-12-31T23:59:59Z", STAMP_MAX },
    };

    for (size_t i = 0; i < 4; i++) {
        char buffer[STAMP_TEXT];
        struct text t = text_in(buffer, sizeof(buffer));
        int64_t time;
        assert_true(stamp_parse(slice_of(cases[i].text), &time));
        assert_int_equal(time, cases[i].time);
        stamp_write(&t, time);
        assert_text(&t, cases[i].text);
    }
}

static void impossible_stamps_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01T24:00:00Z",
        "2026-01-01T00:00:60Z", "2026-01-01 00:00:00Z", "2026-01-01T00:00:00",
        "1969-12-31T23:59:59Z",
    };
    int64_t time;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(stamp_parse(slice_of(bad[i]), &time));
}

/* Try each byte in each position of a digit. */
static void a_stamp_has_digits_where_digits_go(void **state)
{
    (void)state;
    char text[] = "1971-01-01T00:00:00Z";
    int64_t time;

    for (size_t at = 0; at < STAMP_TEXT; at++) {
        char kept = text[at];
        for (int byte = 0; byte < 256; byte++) {
            text[at] = (char)byte;
            bool valid = stamp_parse((struct slice){ text, STAMP_TEXT }, &time);
            assert_false(valid && !(kept >= '0' && kept <= '9') && byte != kept);
            assert_false(valid && kept >= '0' && kept <= '9' && (byte < '0' || byte > '9'));
            assert_true(valid || byte != kept);
        }
        text[at] = kept;
    }
}

static void durations_have_one_number_and_one_unit(void **state)
{
    (void)state;
    int64_t seconds;

    assert_true(duration_parse(slice_of("90d"), &seconds));
    assert_int_equal(seconds, 90 * 86400);
    assert_true(duration_parse(slice_of("0s"), &seconds));
    assert_true(duration_parse(slice_of("3w"), &seconds));
    assert_int_equal(seconds, 21 * 86400);
    assert_true(duration_parse(slice_of("3m"), &seconds));
    assert_int_equal(seconds, 180);
    assert_false(duration_parse(slice_of("3mo"), &seconds));
    assert_false(duration_parse(slice_of("90"), &seconds));
    assert_false(duration_parse(slice_of("d"), &seconds));
    assert_false(duration_parse(slice_of("-1d"), &seconds));
    assert_false(duration_parse(slice_of("99999999999999999999y"), &seconds));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stamps_round_trip),
        cmocka_unit_test(impossible_stamps_are_refused),
        cmocka_unit_test(a_stamp_has_digits_where_digits_go),
        cmocka_unit_test(durations_have_one_number_and_one_unit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
