/* SPDX-License-Identifier: Apache-2.0 */
/* Points in time and durations as text.  Times are seconds since 1970 UTC (int64_t).
 * Source of the format: RFC 3339, restricted to UTC ("Z") and whole seconds. */
#ifndef JETON_PROTO_STAMP_H
#define JETON_PROTO_STAMP_H

#include "proto/text.h"

#define STAMP_TEXT 20                   /* "2026-11-23T17:50:00Z", without NUL */
#define STAMP_MAX INT64_C(253402300799) /* 9999-12-31T23:59:59Z */
#define DURATION_MAX (INT64_C(1000) * 365 * 86400)

/* "2026-11-23T17:50:00Z" to seconds, 1970 to 9999; false if it is not exactly that. */
bool stamp_parse(struct slice text, int64_t *time);

/* Writes STAMP_TEXT characters.  A time outside 1970..9999 is clamped to that range. */
void stamp_write(struct text *t, int64_t time);

/* "30s 15m 12h 90d 1y" (one number, one unit; a year is 365 days) to seconds, at most 1000y. */
bool duration_parse(struct slice text, int64_t *seconds);

#endif
