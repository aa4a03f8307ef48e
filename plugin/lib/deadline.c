/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/lib/deadline.h"

#include <time.h>

int64_t deadline_now(void)
{
    struct timespec t;

    if (clock_gettime(CLOCK_MONOTONIC, &t) < 0)
        return DEADLINE_CLOCK_FAILED;
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t deadline_in(unsigned milliseconds)
{
    int64_t now = deadline_now();

    return now < DEADLINE_CLOCK_FAILED ? now + milliseconds : 1;
}
