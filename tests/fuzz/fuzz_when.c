/* SPDX-License-Identifier: Apache-2.0 */
/* Read times and durations as people write them, in some zones.
 *
 *     input = zone, months to add, a time (4 bytes), then a text */
#include "tests/fuzz/fuzz.h"

#include <time.h>

#include "plugin/cli/when.h"
#include "plugin/cli/zone.h"
#include "proto/stamp.h"

enum { DAY = 86400, OFFSET_MAX = 2 * DAY, MONTHS = 1200 };

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return 0;
}

/* Use a zone; false: it has summer time. */
static bool use_zone(unsigned number)
{
    static const char *const zones[] = { "UTC0", "CET-1CEST,M3.5.0,M10.5.0/3", "NPT-5:45", "HST10",
                                         "NZST-12NZDT,M9.5.0,M4.1.0/3" };

    setenv("TZ", zones[number % 5], 1);
    tzset();
    return strchr(zones[number % 5], ',') == NULL;
}

static void check_date(struct slice text)
{
    int64_t stamp, time;
    bool is_date = cli_when_date(text, &time);

    MUST(!is_date || (time >= -OFFSET_MAX && time <= STAMP_MAX + OFFSET_MAX));
    if (stamp_parse(text, &stamp))
        MUST(is_date && time == stamp);
}

static void check_span(struct slice text)
{
    int64_t duration, seconds = -1;
    unsigned months;
    bool is_span = cli_when_span(text, &seconds, &months);

    MUST(!is_span || (seconds >= 0 && seconds <= DURATION_MAX && months <= MONTHS));
    MUST(!is_span || seconds == 0 || months == 0);
    if (duration_parse(text, &duration))
        MUST(is_span && seconds == duration && months == 0);
}

static int days_of_month(int year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month] + (month == 1 && leap);
}

/* Months later it is the same day, or the last of its month, at the same time of day; unless that time is
 * skipped there. */
static void check_months(int64_t time, int months, bool steady)
{
    struct tm from = cli_zone_break(time);
    struct tm to = cli_zone_break(cli_when_add_months(time, months));
    int month = (from.tm_year + 1900) * 12 + from.tm_mon + months;
    int last = days_of_month(month / 12, month % 12);

    MUST((to.tm_year + 1900) * 12 + to.tm_mon == month);
    MUST(to.tm_mday == (from.tm_mday < last ? from.tm_mday : last));
    MUST(to.tm_sec == from.tm_sec && to.tm_min == from.tm_min);
    MUST(!steady || to.tm_hour == from.tm_hour);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
    struct fuzz_input in = { input, len };
    bool steady = use_zone(consume_byte(&in));
    int months = (int8_t)consume_byte(&in);
    int64_t time = consume_u16(&in);

    time |= (int64_t)consume_u16(&in) << 16;
    if (months < 0 && time < 12LL * 366 * DAY) /* before 1970 there are no times */
        months = -months;
    check_months(time, months, steady);
    struct slice text = consume_bytes(&in, in.left);
    char *copy = fuzz_copy(text);
    check_date((struct slice){ copy, text.len });
    check_span((struct slice){ copy, text.len });
    free(copy);
    return 0;
}
