/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/when.h"

#include <ctype.h>
#include <stdio.h>

#include "plugin/cli/key.h"
#include "plugin/cli/zone.h"
#include "proto/stamp.h"

enum { MONTHS_MAX = 1200, SHOWN_MAX = 64 };

/* -- dates ------------------------------------------------------------------------------------ */

/* Take exactly so many digits off the text; false: they are not there, or more than `max`. */
static bool take_digits(struct slice *text, size_t digits, int max, int *number)
{
    uint64_t found;

    if (text->len < digits ||
        !number_parse((struct slice){ text->at, digits }, (uint64_t)max, &found))
        return false;
    *number = (int)found;
    *text = (struct slice){ text->at + digits, text->len - digits };
    return true;
}

static bool take_char(struct slice *text, const char *one_of)
{
    if (text->len == 0 || text->at[0] == '\0' || strchr(one_of, text->at[0]) == NULL)
        return false;
    *text = (struct slice){ text->at + 1, text->len - 1 };
    return true;
}

/* Take HH:MM or HH:MM:SS. */
static bool take_time_of_day(struct slice *text, struct tm *tm)
{
    if (!take_digits(text, 2, 23, &tm->tm_hour) || !take_char(text, ":") ||
        !take_digits(text, 2, 59, &tm->tm_min))
        return false;
    return !take_char(text, ":") || take_digits(text, 2, 59, &tm->tm_sec);
}

/* Take Z, UTC or an offset such as +01:00, and the time with it; false: it is neither. */
static bool take_offset(struct slice text, struct tm *tm, int64_t *time)
{
    int hours, minutes, sign = text.at[0] == '-' ? -1 : 1;

    *time = timegm(tm);
    if (slice_is(text, "Z") || slice_is(text, "z") || slice_is(text, "UTC") ||
        slice_is(text, " UTC"))
        return true;
    if (!take_char(&text, "+-") || !take_digits(&text, 2, 14, &hours))
        return false;
    take_char(&text, ":");
    if (!take_digits(&text, 2, 59, &minutes) || text.len > 0)
        return false;
    *time -= sign * (hours * 3600 + minutes * 60);
    return true;
}

bool cli_when_date(struct slice text, int64_t *time)
{
    struct tm tm = { .tm_mday = 0 }, check;
    int year, month;

    if (!take_digits(&text, 4, 9999, &year) || !take_char(&text, "-") ||
        !take_digits(&text, 2, 12, &month) || !take_char(&text, "-") ||
        !take_digits(&text, 2, 31, &tm.tm_mday) || year < 1970)
        return false;
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    check = tm;
    timegm(&check);
    if (check.tm_mday != tm.tm_mday || check.tm_mon != tm.tm_mon)
        return false;
    if (text.len > 0 && (!take_char(&text, "T ") || !take_time_of_day(&text, &tm)))
        return false;
    if (text.len > 0)
        return take_offset(text, &tm, time);
    *time = cli_zone_make(tm);
    return true;
}

/* -- durations -------------------------------------------------------------------------------- */

static const struct unit {
    const char *names[4]; /* the protocol's first, where it has the unit */
    int64_t seconds;      /* 0: a month */
} units[] = {
    { { "s", "sec", "second", "seconds" }, 1 },      { { "m", "min", "minute", "minutes" }, 60 },
    { { "h", "hr", "hour", "hours" }, 3600 },        { { "d", "day", "days", "days" }, 86400 },
    { { "w", "wk", "week", "weeks" }, 7 * 86400 },   { { "mo", "mon", "month", "months" }, 0 },
    { { "y", "yr", "year", "years" }, 365 * 86400 },
};

static const struct unit *unit_named(struct slice name)
{
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        for (size_t n = 0; n < 4; n++)
            if (slice_is(name, units[i].names[n]))
                return &units[i];
    return NULL;
}

bool cli_when_span(struct slice text, int64_t *seconds, unsigned *months)
{
    size_t digits = 0;
    uint64_t number;

    while (digits < text.len && isdigit((unsigned char)text.at[digits]))
        digits++;
    size_t unit_at = digits + (digits < text.len && text.at[digits] == ' ');
    const struct unit *unit = unit_named((struct slice){ text.at + unit_at, text.len - unit_at });
    if (unit == NULL)
        return false;
    uint64_t max = unit->seconds > 0 ? (uint64_t)(DURATION_MAX / unit->seconds) : MONTHS_MAX;
    if (!number_parse((struct slice){ text.at, digits }, max, &number))
        return false;
    *seconds = (int64_t)number * unit->seconds;
    *months = unit->seconds > 0 ? 0 : (unsigned)number;
    return true;
}

int64_t cli_when_add_months(int64_t time, int months)
{
    struct tm tm = cli_zone_break(time), made;
    int day = tm.tm_mday;

    tm.tm_mon += months;
    made = cli_zone_break(cli_zone_make(tm));
    if (made.tm_mday != day && made.tm_mday < 4) { /* it went into the next month */
        tm.tm_mon += 1;
        tm.tm_mday = 0;
    }
    return cli_zone_make(tm);
}

/* -- arguments -------------------------------------------------------------------------------- */

/* Write a time for the report: as it is sent, and in the local zone if that is another. */
static void show_time(struct text *t, int64_t time)
{
    struct tm tm = cli_zone_break(time);
    char local[SHOWN_MAX];

    stamp_write(t, time);
    if (strcmp(tm.tm_zone, "UTC") == 0)
        return;
    size_t len = strftime(local, sizeof(local), " (%Y-%m-%d %H:%M:%S %Z)", &tm);
    text_add(t, local, len);
}

/* Rewrite a time; false: it stays. */
static bool rewrite_time(struct slice text, bool back, int64_t now, struct text *sent,
                         struct text *shown)
{
    int64_t time, seconds;
    unsigned months;

    if (stamp_parse(text, &time))
        return false;
    if (!cli_when_date(text, &time)) {
        if (!cli_when_span(text, &seconds, &months))
            return false;
        time = months > 0 ? cli_when_add_months(now, back ? -(int)months : (int)months) :
                            now + (back ? -seconds : seconds);
    }
    if (time < 0 || time > STAMP_MAX)
        return false;
    stamp_write(sent, time);
    show_time(shown, time);
    return true;
}

/* Rewrite a duration; false: it stays. */
static bool rewrite_duration(struct slice text, bool back, int64_t now, struct text *sent,
                             struct text *shown)
{
    int64_t seconds;
    unsigned months;

    if (duration_parse(text, &seconds) || !cli_when_span(text, &seconds, &months))
        return false;
    int64_t end = months > 0 ? cli_when_add_months(now, back ? -(int)months : (int)months) :
                               now + (back ? -seconds : seconds);
    duration_write(sent, back ? now - end : end - now);
    text_addf(shown, "%.*s, %s ", (int)sent->len, sent->at, back ? "since" : "until");
    show_time(shown, end);
    return !sent->cut;
}

/* Return the new text of an argument, or NULL if it stays. */
static char *rewrite(const struct cli_request *c, const char *argument, int64_t now)
{
    size_t len = cli_request_key_length(argument);
    struct cli_key key = cli_key_row((struct slice){ argument, len }, c->verb);
    struct slice text = slice_of(argument + len + 1);
    char sent[SHOWN_MAX], shown[3 * SHOWN_MAX];
    struct text s = text_in(sent, sizeof(sent)), r = text_in(shown, sizeof(shown));
    bool back = key.type == CLI_KEY_SINCE || key.type == CLI_KEY_AGE, changed;
    char *made = NULL;

    if (key.type == CLI_KEY_UNTIL || key.type == CLI_KEY_SINCE)
        changed = rewrite_time(text, back, now, &s, &r);
    else
        changed = (key.type == CLI_KEY_DURATION || key.type == CLI_KEY_AGE) &&
                  rewrite_duration(text, back, now, &s, &r);
    if (!changed || asprintf(&made, "%.*s=%.*s", (int)len, argument, (int)s.len, s.at) < 0)
        return NULL;
    cli_message_remark("%s is %.*s", argument, (int)r.len, r.at);
    return made;
}

void cli_when_rewrite(struct cli_request *c)
{
    int64_t now = (int64_t)time(NULL);

    for (size_t i = 0; i < c->arguments; i++) {
        bool has_key = cli_request_key_length(c->argument[i]) > 0;
        char *made = has_key ? rewrite(c, c->argument[i], now) : NULL;
        if (made != NULL)
            c->argument[i] = cli_request_keep(c, made);
    }
}
