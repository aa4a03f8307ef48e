/* SPDX-License-Identifier: Apache-2.0 */
/* Times and durations as people write them: 2027-01-31, "2027-01-31 18:00", 3w, 2mo, 90 days. */
#ifndef JETON_PLUGIN_CLI_WHEN_H
#define JETON_PLUGIN_CLI_WHEN_H

#include "plugin/cli/request.h"

/* Rewrite the arguments of keys that are times or durations as the protocol has them, and report
 * what resulted, exactly.  What is not understood stays as it is: the daemon refuses it. */
void cli_when_rewrite(struct cli_request *c);

/* Parse a date, with or without a time of day and a zone: of the zone of zone.h, if it has none.
 * False: it is none. */
bool cli_when_date(struct slice text, int64_t *time);

/* Parse a number and a unit, of seconds to years, abbreviated or spelt out, with or without a space
 * between them.  Months are not yet turned into seconds, as they are of the calendar. */
bool cli_when_span(struct slice text, int64_t *seconds, unsigned *months);

/* Return the time so many months after `time`, or before, if negative: the same day and time of
 * day, or the last day of a month that has no such day. */
int64_t cli_when_add_months(int64_t time, int months);

#endif
