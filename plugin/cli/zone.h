/* SPDX-License-Identifier: Apache-2.0 */
/* The zone that times are shown in to people, and that times without a zone are taken to be of: the
 * local one (TZ, /etc/localtime), or UTC with --utc. */
#ifndef JETON_PLUGIN_CLI_ZONE_H
#define JETON_PLUGIN_CLI_ZONE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Use UTC from now on. */
void cli_zone_use_utc(void);

/* Break a time down; tm_zone is the name of the zone at that time. */
struct tm cli_zone_break(int64_t time);

/* Return the time of a date and a time of day.  Days that a month does not have go into the next
 * month. */
int64_t cli_zone_make(struct tm broken_down);

/* Return the name of the zone at this moment, such as "UTC" or "CET". */
const char *cli_zone_now(void);

#endif
