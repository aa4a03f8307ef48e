/* SPDX-License-Identifier: Apache-2.0 */
/* Times and durations as text.  Times are seconds since 1970 UTC.  Their format is that of RFC
 * 3339, restricted to UTC ("Z") and whole seconds.  No state; any thread. */
#ifndef JETON_PROTO_STAMP_H
#define JETON_PROTO_STAMP_H

#include "proto/text.h"

#define STAMP_TEXT 20                   /* "2026-11-23T17:50:00Z", without NUL */
#define STAMP_MAX INT64_C(253402300799) /* 9999-12-31T23:59:59Z */
#define DURATION_MAX (INT64_C(1000) * 365 * 86400)

/* Parse a time such as "2026-11-23T17:50:00Z", of the years 1970 to 9999; false if it is none. */
bool stamp_parse(struct slice text, int64_t *time);

/* Write STAMP_TEXT characters.  Clamp a time outside 1970..9999 to that range. */
void stamp_write(struct text *t, int64_t time);

/* Parse a duration such as "30s", "15m" (minutes), "12h", "90d", "3w" or "1y" (365 days), at most
 * 1000y, into seconds; false if it is none. */
bool duration_parse(struct slice text, int64_t *seconds);

/* Write a duration in the largest unit up to days that leaves no rest, as duration_parse() reads it. */
void duration_write(struct text *t, int64_t seconds);

#endif
