/* SPDX-License-Identifier: Apache-2.0 */
/* The time for deadlines and intervals, which no change of the system's clock moves. */
#ifndef JETON_PLUGIN_SERVICE_MONOTONIC_H
#define JETON_PLUGIN_SERVICE_MONOTONIC_H

#include <stdint.h>
#include <time.h>

static inline int64_t monotonic_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static inline int64_t monotonic_ms(void)
{
    return monotonic_ns() / 1000000;
}

#endif
