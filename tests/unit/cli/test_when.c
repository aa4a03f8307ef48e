/* SPDX-License-Identifier: Apache-2.0 */
/* Times and durations as people write them, and names that they mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "plugin/cli/suggest.h"
#include "plugin/cli/when.h"
#include "plugin/cli/zone.h"
#include "proto/stamp.h"

/* As in Berlin, without a need for its file. */
#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"

static void use_zone(const char *name)
{
    setenv("TZ", name, 1);
    tzset();
}

static int64_t stamp(const char *text)
{
    int64_t time = -1;

    assert_true(stamp_parse(slice_of(text), &time));
    return time;
}

static void dates_without_a_zone_are_of_the_local_one(void **state)
{
    static const struct {
        const char *zone, *text, *expected;
    } cases[] = {
        { "UTC", "2027-01-31", "2027-01-31T00:00:00Z" },
        { BERLIN, "2027-01-31", "2027-01-30T23:00:00Z" },
        { BERLIN, "2027-07-31", "2027-07-30T22:00:00Z" },
        { BERLIN, "2027-07-31 18:00", "2027-07-31T16:00:00Z" },
        { BERLIN, "2027-07-31T18:00:05", "2027-07-31T16:00:05Z" },
        { BERLIN, "2027-07-31T18:00:00Z", "2027-07-31T18:00:00Z" },
        { BERLIN, "2027-07-31 18:00 UTC", "2027-07-31T18:00:00Z" },
        { "UTC", "2027-07-31T18:00:00+02:00", "2027-07-31T16:00:00Z" },
        { "UTC", "2027-07-31T18:00-0530", "2027-07-31T23:30:00Z" },
        { "EST5EDT,M3.2.0,M11.1.0", "2028-02-29", "2028-02-29T05:00:00Z" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t time;
        use_zone(cases[i].zone);
        assert_true(cli_when_date(slice_of(cases[i].text), &time));
        assert_int_equal(time, stamp(cases[i].expected));
    }
}

static void what_is_no_date_is_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "2027",
        "2027-1-31",
        "2027-02-29",
        "2027-13-01",
        "2027-00-10",
        "2027-01-00",
        "2027-01-32",
        "2027-01-31 ",
        "2027-01-31T",
        "2027-01-31 24:00",
        "2027-01-31 12:60",
        "2027-01-31 12",
        "2027-01-31 12:00x",
        "2027-01-31 12:00+",
        "2027-01-31 12:00+1",
        "31.01.2027",
        "01/31/2027",
        "1969-12-31",
        "2027-01-31 12:00+99:00",
        "never",
        "90d",
        "2027-01-31Z",
        "+027-01-31",
        "2027-01- 1",
    };

    (void)state;
    use_zone("UTC");
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        int64_t time;
        if (cli_when_date(slice_of(wrong[i]), &time))
            fail_msg("%s is taken for a date", wrong[i]);
    }
}

static void durations_have_the_units_that_people_write(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds;
        unsigned months;
    } cases[] = {
        { "3w", 21 * 86400, 0 },      { "2mo", 0, 2 },
        { "2 months", 0, 2 },         { "5m", 300, 0 },
        { "5 min", 300, 0 },          { "1y", 365 * 86400, 0 },
        { "90 days", 90 * 86400, 0 }, { "1day", 86400, 0 },
        { "12hours", 12 * 3600, 0 },  { "0s", 0, 0 },
        { "1200mo", 0, 1200 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t seconds;
        unsigned months;
        assert_true(cli_when_span(slice_of(cases[i].text), &seconds, &months));
        assert_int_equal(seconds, cases[i].seconds);
        assert_int_equal(months, cases[i].months);
    }
}

static void what_is_no_duration_is_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "3",
        "w",
        "3W",
        "3M",
        "-3w",
        "3 w 2d",
        "3.5d",
        "3  w",
        "1201mo",
        "2000y",
        "1e3d",
        "99999999999999999999s",
        " 3w",
        "3w ",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        int64_t seconds;
        unsigned months;
        if (cli_when_span(slice_of(wrong[i]), &seconds, &months))
            fail_msg("%s is taken for a duration", wrong[i]);
    }
}

static void months_are_of_the_calendar(void **state)
{
    static const struct {
        const char *zone, *from;
        int months;
        const char *expected;
    } cases[] = {
        { "UTC", "2026-11-29T23:24:11Z", 2, "2027-01-29T23:24:11Z" },
        { "UTC", "2027-01-31T12:00:00Z", 1, "2027-02-28T12:00:00Z" },
        { "UTC", "2028-01-31T12:00:00Z", 1, "2028-02-29T12:00:00Z" },
        { "UTC", "2027-01-30T12:00:00Z", 1, "2027-02-28T12:00:00Z" },
        { "UTC", "2027-05-31T12:00:00Z", 1, "2027-06-30T12:00:00Z" },
        { "UTC", "2027-03-31T12:00:00Z", -1, "2027-02-28T12:00:00Z" },
        { "UTC", "2027-01-15T12:00:00Z", -13, "2025-12-15T12:00:00Z" },
        { "UTC", "2027-01-02T12:00:00Z", 14, "2028-03-02T12:00:00Z" },
        { BERLIN, "2027-02-10T11:00:00Z", 2, "2027-04-10T10:00:00Z" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        use_zone(cases[i].zone);
        assert_int_equal(cli_when_add_months(stamp(cases[i].from), cases[i].months),
                         stamp(cases[i].expected));
    }
}

static const char *meant(const char *typed)
{
    struct cli_suggest s = cli_suggest_begin(slice_of(typed));

    cli_suggest_try_keys(&s, VERB_CREATE);
    return s.name != NULL ? s.name : "";
}

static void names_are_found_by_few_wrong_letters(void **state)
{
    (void)state;
    assert_string_equal(meant("descripton"), "description");
    assert_string_equal(meant("descritpion"), "description");
    assert_string_equal(meant("DESC"), "description");
    assert_string_equal(meant("scope"), "scopes");
    assert_string_equal(meant("expire"), "expires");
    assert_string_equal(meant("tll"), "ttl");
    assert_string_equal(meant("x"), "");
    assert_string_equal(meant(""), "");
    assert_string_equal(meant("tal"), "ttl");
    assert_string_equal(meant("limit"), "");
    assert_string_equal(meant("password"), "");
    assert_string_equal(meant("jtn_zn1Y94eH47mCe7ZrihyTENjtg6L9xLBf5syvmdzyQXo2gvbS2"), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_without_a_zone_are_of_the_local_one),
        cmocka_unit_test(what_is_no_date_is_refused),
        cmocka_unit_test(durations_have_the_units_that_people_write),
        cmocka_unit_test(what_is_no_duration_is_refused),
        cmocka_unit_test(months_are_of_the_calendar),
        cmocka_unit_test(names_are_found_by_few_wrong_letters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
