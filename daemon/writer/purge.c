/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/purge.h"

#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/writer/change_apply.h"
#include "daemon/base/log.h"
#include "daemon/table/table_walk.h"

/* A table of 10^6 tokens is gone over in half a minute; each step is one batch at most. */
enum { STEP_SLOTS = 65536, STEP_TOKENS = 256, ROUND_SECONDS = 60 };

/* What is removed is gone: a clock that was just set is not believed for a while. */
static bool clock_is_steady(struct purge *s, int64_t now)
{
    enum { STEP = 60, DISTRUST = 600 };
    int64_t monotonic = clock_seconds(), offset = now - monotonic, step = offset - s->clock_offset;
    if (s->clock_offset != 0 && (step > STEP || step < -STEP)) {
        log_warning("the clock was set by %lld seconds: nothing is purged for ten minutes",
                    (long long)step);
        s->trusted_from = monotonic + DISTRUST;
    }
    s->clock_offset = offset;
    return monotonic >= s->trusted_from;
}

void purge_step(struct purge *s, struct writer *w, int64_t retention, int64_t now)
{
    struct table_walk_ended ended[STEP_TOKENS];

    if (!clock_is_steady(s, now))
        return;
    if (s->slot == 0 && now < s->next_round && now + ROUND_SECONDS >= s->next_round)
        return;
    size_t count = table_walk_ended(w->token_table, &s->slot, STEP_SLOTS, now - retention, ended,
                                    STEP_TOKENS);
    if (s->slot == 0)
        s->next_round = now + (retention < ROUND_SECONDS ? 1 : ROUND_SECONDS);
    for (size_t i = 0; i < count; i++) {
        struct change *c = change_new(&change_purge);
        if (c == NULL)
            return;
        memcpy(c->id, ended[i].id, ID_SIZE);
        c->grace = retention;
        c->uid = getuid();
        c->pid = getpid();
        mail_append(&w->waiting, &c->mail);
    }
}
