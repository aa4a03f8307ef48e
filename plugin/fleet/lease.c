/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/fleet/lease.h"

#include <math.h>
#include <time.h>

int64_t lease_clock(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

int64_t lease_end(int64_t sent, double age_ms, int64_t length)
{
    const double age_ns = age_ms * 1e6;

    if (!isfinite(age_ns) || age_ns < 0 || age_ns >= (double)length)
        return 0;
    return sent + length - (int64_t)age_ns - 1; /* a part of a nanosecond counts as one */
}

void lease_promise(struct lease *l, uint64_t serial, int64_t until)
{
    if (until <= l->until)
        return;
    if (l->count > 0 && l->promise[l->count - 1].serial >= serial) {
        /* Nothing was changed meanwhile: the same serial fulfils both. */
        if (l->promise[l->count - 1].until < until)
            l->promise[l->count - 1].until = until;
        return;
    }
    if (l->count == LEASE_PROMISES_MAX)
        l->count--;
    l->promise[l->count++] = (struct lease_promise){ serial, until };
}

bool lease_reached(struct lease *l, uint64_t serial)
{
    unsigned kept = 0;
    bool later = false;

    for (unsigned i = 0; i < l->count; i++) {
        const struct lease_promise p = l->promise[i];
        if (p.serial > serial) {
            l->promise[kept++] = p;
        } else if (p.until > l->until) {
            l->until = p.until;
            later = true;
        }
    }
    l->count = kept;
    return later;
}

void lease_forget(struct lease *l)
{
    l->count = 0;
}
