/* SPDX-License-Identifier: Apache-2.0 */
/* The clocks, see clock_gettime(2).  Any thread.
 *
 * One that cannot be read (a host's filter of system calls refuses it) ends the process, with a word
 * to the log and status 1: without a clock an expired token is as good as any other, and a table's
 * lease may never run out. */
#ifndef JETON_DAEMON_BASE_CLOCK_H
#define JETON_DAEMON_BASE_CLOCK_H

#include <stdint.h>

#define CLOCK_SECOND INT64_C(1000000000) /* nanoseconds */

/* The time of day, in seconds since 1970: what tokens expire by. */
int64_t clock_wall(void);

/* Nanoseconds since some moment in the past, whatever is done to the time of day. */
uint64_t clock_monotonic(void);

/* The same for less, in steps of some milliseconds; and its seconds. */
int64_t clock_coarse(void);
int64_t clock_seconds(void);

#endif
