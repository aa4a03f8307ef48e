/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/base/log.h"

/* Call _exit(): exit() would run exit handlers while other threads still use what they free. */
static void give_up(void)
{
    log_error("clock: the clock cannot be read: %s; nothing can be verified without it",
              strerror(errno));
    log_flush();
    _exit(EXIT_FAILURE);
}

static int64_t nanoseconds(clockid_t clock)
{
    struct timespec t;

    if (clock_gettime(clock, &t) < 0)
        give_up();
    return (int64_t)t.tv_sec * CLOCK_SECOND + t.tv_nsec;
}

int64_t clock_wall(void)
{
    time_t now = time(NULL);

    if (now == (time_t)-1)
        give_up();
    return now;
}

uint64_t clock_monotonic(void)
{
    return (uint64_t)nanoseconds(CLOCK_MONOTONIC);
}

int64_t clock_coarse(void)
{
    return nanoseconds(CLOCK_MONOTONIC_COARSE);
}

int64_t clock_seconds(void)
{
    return clock_coarse() / CLOCK_SECOND;
}
