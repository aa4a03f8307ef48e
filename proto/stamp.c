/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/stamp.h"

/* Subtracting `zero` from a time's text leaves the value of each digit, and zeros between them;
 * `most` has the highest valid value of each. */
static const char zero[STAMP_TEXT + 1] = "0000-00-00T00:00:00Z";
static const uint8_t most[STAMP_TEXT] = {
    9, 9, 9, 9, 0, 9, 9, 0, 9, 9, 0, 9, 9, 0, 9, 9, 0, 9, 9, 0
};

enum { WIDE = 16 };
typedef uint8_t wide __attribute__((vector_size(WIDE)));

/* Convert sixteen characters from `at` on.  Set all bits of each byte of the result whose character
 * is wrong. */
static wide take_digits(const char *text, size_t at, uint8_t digit[STAMP_TEXT])
{
    wide bytes, less, limit;

    memcpy(&bytes, text + at, WIDE);
    memcpy(&less, zero + at, WIDE);
    memcpy(&limit, most + at, WIDE);
    bytes -= less;
    memcpy(digit + at, &bytes, WIDE);
    return (wide)(bytes > limit);
}

/* Convert the whole text; false: some character is wrong. */
static bool read_digits(const char *text, uint8_t digit[STAMP_TEXT])
{
    wide wrong = take_digits(text, 0, digit) | take_digits(text, STAMP_TEXT - WIDE, digit);
    uint64_t half[2];

    memcpy(half, &wrong, sizeof(half));
    return (half[0] | half[1]) == 0;
}

static int pair(const uint8_t digit[2])
{
    return digit[0] * 10 + digit[1];
}

/* Return the days from 1970-01-01 to a date of the proleptic Gregorian calendar.  Years are counted
 * from March, so that the leap day is the last of its year. */
static int64_t days_from_date(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = y / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + day_of_era - 719468;
}

static void date_from_days(uint32_t days, uint32_t *year, uint32_t *month, uint32_t *day)
{
    uint32_t z = days + 719468;
    uint32_t era = z / 146097;
    uint32_t day_of_era = z - era * 146097;
    uint32_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    uint32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint32_t from_march = (5 * day_of_year + 2) / 153;

    *day = day_of_year - (153 * from_march + 2) / 5 + 1;
    *month = from_march < 10 ? from_march + 3 : from_march - 9;
    *year = year_of_era + era * 400 + (*month <= 2);
}

static int days_in_month(int year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

bool stamp_parse(struct slice text, int64_t *time)
{
    uint8_t digit[STAMP_TEXT];

    if (text.len != STAMP_TEXT || !read_digits(text.at, digit))
        return false;
    int year = pair(digit) * 100 + pair(digit + 2), month = pair(digit + 5), day = pair(digit + 8);
    int hour = pair(digit + 11), minute = pair(digit + 14), second = pair(digit + 17);
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) ||
        hour > 23 || minute > 59 || second > 59)
        return false;
    *time = ((days_from_date(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    return true;
}

/* Written where it is to be: to copy at once what was just written by pairs waits for all of that. */
void stamp_write(struct text *t, int64_t time)
{
    char *made = text_extend(t, STAMP_TEXT);
    uint32_t year, month, day;

    if (made == NULL)
        return;
    memcpy(made, zero, STAMP_TEXT);
    if (time < 0)
        time = 0;
    if (time > STAMP_MAX)
        time = STAMP_MAX;
    uint32_t second_of_day = (uint32_t)(time % 86400);
    date_from_days((uint32_t)(time / 86400), &year, &month, &day);
    pair_write(made, year / 100);
    pair_write(made + 2, year % 100);
    pair_write(made + 5, month);
    pair_write(made + 8, day);
    pair_write(made + 11, second_of_day / 3600);
    pair_write(made + 14, second_of_day / 60 % 60);
    pair_write(made + 17, second_of_day % 60);
}

static const struct {
    char letter;
    int64_t seconds;
} units[] = {
    { 'y', 365 * 86400 }, { 'w', 7 * 86400 }, { 'd', 86400 },
    { 'h', 3600 },        { 'm', 60 },        { 's', 1 },
};

bool duration_parse(struct slice text, int64_t *seconds)
{
    uint64_t number;

    if (text.len < 2)
        return false;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (units[i].letter != text.at[text.len - 1])
            continue;
        if (!number_parse((struct slice){ text.at, text.len - 1 },
                          (uint64_t)(DURATION_MAX / units[i].seconds), &number))
            return false;
        *seconds = (int64_t)number * units[i].seconds;
        return true;
    }
    return false;
}

void duration_write(struct text *t, int64_t seconds)
{
    size_t i = seconds == 0 ? sizeof(units) / sizeof(units[0]) - 1 : 2; /* from days on */

    while (seconds % units[i].seconds != 0)
        i++;
    text_addf(t, "%lld%c", (long long)(seconds / units[i].seconds), units[i].letter);
}
