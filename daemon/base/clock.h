/* SPDX-License-Identifier: Apache-2.0 */
/* Read the clocks, see clock_gettime(2).  Any thread.
 *
 * A clock that cannot be read (a system call filter of the host refuses it) ends the process with a
 * line in the log and status 1: without a clock, expired tokens would pass and a table's lease
 * might never run out. */
#ifndef JETON_DAEMON_BASE_CLOCK_H
#define JETON_DAEMON_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define CLOCK_SECOND INT64_C(1000000000) /* nanoseconds */

/* Return the time of day in seconds since 1970: what tokens expire by.  It is never earlier than
 * clock_floor(). */
int64_t clock_wall(void);

/* Return the time of day as the host has it. */
int64_t clock_host(void);

/* Set the time that clock_wall() is not to be behind; 0: none. */
void clock_set_floor(int64_t floor);
int64_t clock_floor(void);

/* True if the host's clock is synchronised, according to the kernel or to systemd-timesyncd. */
bool clock_is_synchronised(void);

/* Return nanoseconds since a fixed moment in the past; setting the clock changes nothing. */
uint64_t clock_monotonic(void);

/* Return nanoseconds since the machine was started, those included in which it slept; what a lease of
 * the fleet ends by. */
int64_t clock_boottime(void);

/* Return the same as clock_monotonic() in steps of some milliseconds, which costs less to read; in nanoseconds, and in
 * seconds. */
int64_t clock_coarse(void);
int64_t clock_seconds(void);

#endif
