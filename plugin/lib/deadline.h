/* SPDX-License-Identifier: Apache-2.0 */
/* What deadlines go by: milliseconds of CLOCK_MONOTONIC. */
#ifndef JETON_PLUGIN_LIB_DEADLINE_H
#define JETON_PLUGIN_LIB_DEADLINE_H

#include <stdint.h>

#define DEADLINE_CLOCK_FAILED (INT64_MAX / 2) /* later than any deadline */

/* DEADLINE_CLOCK_FAILED: a filter of our host's refuses the call, so that nobody may wait. */
int64_t deadline_now(void);

/* A deadline so far ahead; where the clock failed, one that has passed. */
int64_t deadline_in(unsigned milliseconds);

#endif
