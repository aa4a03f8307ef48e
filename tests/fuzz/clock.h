/* SPDX-License-Identifier: Apache-2.0 */
/* The clocks of a harness: they stand still while an input is tried, and move when it says so.  A
 * harness includes this once. */
#ifndef JETON_FUZZ_CLOCK_H
#define JETON_FUZZ_CLOCK_H

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static struct {
    bool ours;    /* or else they are the machine's, for libFuzzer */
    int64_t wall; /* seconds */
    int64_t uptime;
    void (*looked_at)(clockid_t id); /* called with each look, unless NULL */
} fuzz_clock;

int clock_gettime(clockid_t id, struct timespec *t)
{
    bool wall = id == CLOCK_REALTIME_COARSE;

    if (!fuzz_clock.ours || id == CLOCK_REALTIME) /* libFuzzer's alarm looks at that */
        return (int)syscall(SYS_clock_gettime, id, t);
    if (fuzz_clock.looked_at != NULL)
        fuzz_clock.looked_at(id);
    *t = (struct timespec){ .tv_sec = wall ? fuzz_clock.wall : fuzz_clock.uptime };
    return 0;
}

time_t time(time_t *at)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME_COARSE, &t);
    if (at != NULL)
        *at = t.tv_sec;
    return t.tv_sec;
}

#endif
