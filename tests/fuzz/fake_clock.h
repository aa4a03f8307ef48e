/* SPDX-License-Identifier: Apache-2.0 */
/* Freeze the clocks while an input is run; the harness advances them.  To be included once in a
 * harness. */
#ifndef JETON_FUZZ_FAKE_CLOCK_H
#define JETON_FUZZ_FAKE_CLOCK_H

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static struct {
    bool frozen;  /* otherwise they are real, for libFuzzer */
    int64_t wall; /* seconds */
    int64_t uptime;
    void (*on_read)(clockid_t id); /* called at each reading, unless NULL */
} fuzz_clock;

int clock_gettime(clockid_t id, struct timespec *t)
{
    bool wall = id == CLOCK_REALTIME_COARSE;

    if (!fuzz_clock.frozen || id == CLOCK_REALTIME) /* libFuzzer's alarm reads this one */
        return (int)syscall(SYS_clock_gettime, id, t);
    if (fuzz_clock.on_read != NULL)
        fuzz_clock.on_read(id);
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
