/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/base/clock.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "daemon/base/log.h"

#define TIMESYNCD_FILE "/run/systemd/timesync/synchronized" /* made at the first synchronisation */

static _Atomic int64_t wall_floor;

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

int64_t clock_host(void)
{
    time_t now = time(NULL);

    if (now == (time_t)-1)
        give_up();
    return now;
}

int64_t clock_wall(void)
{
    int64_t now = clock_host(), floor = clock_floor();

    return now > floor ? now : floor;
}

void clock_set_floor(int64_t floor)
{
    atomic_store_explicit(&wall_floor, floor, memory_order_relaxed);
}

int64_t clock_floor(void)
{
    return atomic_load_explicit(&wall_floor, memory_order_relaxed);
}

/* A system call filter of the host, such as ProtectClock= of our unit, may refuse adjtimex(), which
 * only reads here. */
bool clock_is_synchronised(void)
{
    struct timex t = { .modes = 0 };

    return (adjtimex(&t) >= 0 && (t.status & STA_UNSYNC) == 0) || access(TIMESYNCD_FILE, F_OK) == 0;
}

uint64_t clock_monotonic(void)
{
    return (uint64_t)nanoseconds(CLOCK_MONOTONIC);
}

int64_t clock_boottime(void)
{
    return nanoseconds(CLOCK_BOOTTIME);
}

int64_t clock_coarse(void)
{
    return nanoseconds(CLOCK_MONOTONIC_COARSE);
}

int64_t clock_seconds(void)
{
    return clock_coarse() / CLOCK_SECOND;
}
