/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines: points in time in milliseconds of CLOCK_MONOTONIC. */
#ifndef JETON_PLUGIN_LIB_DEADLINE_H
#define JETON_PLUGIN_LIB_DEADLINE_H

#include <stdint.h>

#define DEADLINE_CLOCK_FAILED (INT64_MAX / 2) /* later than any deadline but DEADLINE_NEVER */
#define DEADLINE_NEVER INT64_MAX

/* Return the time now.  If a system call filter of the host refuses the clock, return
 * DEADLINE_CLOCK_FAILED: then every deadline has passed, so that nobody waits for ever. */
int64_t deadline_now(void);

/* Return the deadline so many milliseconds from now; if the clock failed, one that has passed. */
int64_t deadline_in(unsigned milliseconds);

#endif
