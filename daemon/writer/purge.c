/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/purge.h"

#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/table/table_walk.h"
#include "daemon/writer/change_apply.h"

/* A round over 10^6 tokens takes half a minute; each step is one batch at most. */
enum { STEP_SLOTS = 65536, STEP_TOKENS = 256, ROUND_SECONDS = 60 };

/* False for a while after the clock was set: a wrong date would remove tokens for good, and an
 * operator needs time to correct it. */
static bool clock_is_steady(struct purge *p, int64_t now)
{
    enum { STEP = 60, DISTRUST = 600 };
    int64_t monotonic = clock_seconds(), offset = now - monotonic, step = offset - p->clock_offset;
    if (p->clock_offset != 0 && (step > STEP || step < -STEP)) {
        log_warning("purge: the clock was set by %lld seconds: nothing is purged for ten minutes",
                    (long long)step);
        p->trusted_from = monotonic + DISTRUST;
    }
    p->clock_offset = offset;
    return monotonic >= p->trusted_from;
}

void purge_step(struct purge *p, struct writer *w, int64_t retention, int64_t now)
{
    struct table_walk_ended ended[STEP_TOKENS];

    if (!clock_is_steady(p, now))
        return;
    if (p->slot == 0 && now < p->next_round && now + ROUND_SECONDS >= p->next_round)
        return;
    size_t count = table_walk_ended(w->token_table, &p->slot, STEP_SLOTS, now - retention, ended,
                                    STEP_TOKENS);
    if (p->slot == 0)
        p->next_round = now + (retention < ROUND_SECONDS ? 1 : ROUND_SECONDS);
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
