/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/web/slowdown.h"

int64_t slowdown_wrong(struct slowdown *s, int64_t now)
{
    const int64_t forgotten = (now - s->last) / SLOWDOWN_FORGET_MS;

    s->level = forgotten < s->level ? s->level - (unsigned)forgotten : 0;
    s->last = now;
    s->wrong++;
    const int64_t delay = (int64_t)SLOWDOWN_FIRST_MS << s->level;
    if (s->level < SLOWDOWN_LEVELS - 1)
        s->level++;
    return delay;
}

uint64_t slowdown_report(struct slowdown *s, int64_t now)
{
    const uint64_t count = s->wrong - s->reported;

    if (count == 0 || (s->reported > 0 && now - s->reported_at < SLOWDOWN_REPORT_MS))
        return 0;
    s->reported = s->wrong;
    s->reported_at = now;
    return count;
}
