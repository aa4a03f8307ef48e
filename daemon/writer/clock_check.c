/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/clock_check.h"

#include "daemon/base/log.h"

enum {
    STEP = 60,             /* seconds by which a clock that was not set may be off */
    WAIT = 600,            /* seconds until it is relied on */
    AHEAD_MAX = 7 * 86400, /* seconds ahead of the journal that are plausible */
};

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

int64_t clock_check_begin(struct clock_check *c, int64_t newest, int64_t noted)
{
    *c = (struct clock_check){ .reference = noted != 0 ? noted : newest };
    return later(c->reference, newest);
}

static void note_step(struct clock_check *c, const struct clock_reading *now)
{
    int64_t offset = now->host - now->monotonic, step = offset - c->offset;

    if (c->offset != 0 && (step > STEP || step < -STEP)) {
        log_warning("purge: the clock was set by %lld seconds: nothing is purged for ten minutes",
                    (long long)step);
        c->set_until = now->monotonic + WAIT;
    }
    c->offset = offset;
}

static const char *why_believed(const struct clock_reading *now)
{
    return now->trusted ? "trusted ([daemon] trust_clock)" : "synchronised";
}

static void report_ahead(struct clock_check *c, int64_t ahead)
{
    bool is = ahead > 0;

    if (is && !c->is_ahead)
        log_warning("clock: it is %lld days ahead of the journal: nothing is purged, unless it is "
                    "synchronised, or trusted by [daemon] trust_clock=yes",
                    (long long)(ahead / 86400));
    c->is_ahead = is;
}

static void report_behind(struct clock_check *c, const struct clock_reading *now, int64_t behind)
{
    bool is = behind > STEP;

    if (is && !c->is_behind && (now->trusted || now->synchronised))
        log_warning("clock: it is %lld s behind the journal, but %s: it is followed",
                    (long long)behind, why_believed(now));
    else if (is && !c->is_behind)
        log_warning("clock: it is %lld s behind the journal: tokens are judged by the journal's "
                    "time until the clock is later, synchronised, or trusted by "
                    "[daemon] trust_clock=yes",
                    (long long)behind);
    c->is_behind = is;
}

struct clock_state clock_check_step(struct clock_check *c, const struct clock_reading *now)
{
    bool believed = now->trusted || now->synchronised;
    int64_t ahead = c->reference != 0 ? now->host - c->reference : 0;
    int64_t latest = later(c->reference, now->newest), behind = latest - now->host;
    struct clock_state state = {
        .floor = believed ? 0 : latest,
        .behind = behind > 0 ? behind : 0,
        .ahead = ahead > AHEAD_MAX && !believed ? ahead : 0,
    };

    note_step(c, now);
    report_ahead(c, state.ahead);
    report_behind(c, now, behind);
    if (!believed && (state.ahead > 0 || behind > STEP))
        c->plausible_since = 0;
    else if (c->plausible_since == 0)
        c->plausible_since = now->monotonic;
    bool long_plausible = c->plausible_since != 0 && now->monotonic - c->plausible_since >= WAIT;
    state.may_purge = (now->trusted || long_plausible) && now->monotonic >= c->set_until;
    if (state.may_purge)
        c->reference = now->host;
    return state;
}
