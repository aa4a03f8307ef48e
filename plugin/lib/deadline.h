/* SPDX-License-Identifier: Apache-2.0 */
/* What deadlines go by: milliseconds of CLOCK_MONOTONIC. */
#ifndef JETON_CLOCK_H
#define JETON_CLOCK_H

#include <stdint.h>

#define CLOCK_FAILED (INT64_MAX / 2)    /* later than any deadline */

/* CLOCK_FAILED: a filter of our host's refuses the call, so that nobody may wait. */
int64_t clock_now(void);

/* A deadline so far ahead; where the clock failed, one that has passed. */
int64_t clock_in(unsigned milliseconds);

#endif
