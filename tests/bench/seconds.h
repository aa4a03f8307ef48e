/* SPDX-License-Identifier: Apache-2.0 */
#ifndef JETON_BENCH_SECONDS_H
#define JETON_BENCH_SECONDS_H

#include <time.h>

/* Return the time of CLOCK_MONOTONIC. */
static inline double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

#endif
