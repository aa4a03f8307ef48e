/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/zone.h"

static bool utc;

void cli_zone_use_utc(void)
{
    utc = true;
}

struct tm cli_zone_break(int64_t time)
{
    struct tm made = { .tm_mday = 1 };
    time_t t = (time_t)time;

    if (utc || localtime_r(&t, &made) == NULL) {
        gmtime_r(&t, &made);
        made.tm_zone = "UTC"; /* where C has GMT */
    }
    return made;
}

int64_t cli_zone_make(struct tm broken_down)
{
    broken_down.tm_isdst = -1; /* to be found out */
    return utc ? timegm(&broken_down) : mktime(&broken_down);
}

const char *cli_zone_now(void)
{
    static struct tm now;

    if (now.tm_zone == NULL)
        now = cli_zone_break((int64_t)time(NULL));
    return now.tm_zone;
}
