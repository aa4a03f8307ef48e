/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/lib/deadline.h"

#include <time.h>

int64_t clock_now(void)
{
    struct timespec t;

    if (clock_gettime(CLOCK_MONOTONIC, &t) < 0)
        return CLOCK_FAILED;
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_in(unsigned milliseconds)
{
    int64_t now = clock_now();

    return now < CLOCK_FAILED ? now + milliseconds : 1;
}
