/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/purge.h"

#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/table/table_walk.h"
#include "daemon/writer/change_apply.h"
#include "daemon/writer/change_ban.h"

/* A round over 10^6 tokens takes half a minute; each step is one batch at most. */
enum {
    STEP_SLOTS = 65536,
    STEP_RECORDS = 2000,
    STEP_TOKENS = 256,
    ROUND_SECONDS = 60,
    BAN_ROUND_SECONDS = 3600
};

/* The bans that a step has found to be over. */
struct over {
    int64_t now;
    size_t count;
    uint8_t digest[STEP_TOKENS][DIGEST_SIZE];
};

static bool note_if_over(void *over, const struct ban *ban)
{
    struct over *o = over;

    if (o->count == STEP_TOKENS)
        return false;
    if (ban_is_over(ban->until, o->now))
        memcpy(o->digest[o->count++], ban->digest, DIGEST_SIZE);
    return true;
}

/* Queue a change that this process makes. */
static struct change *queue_change(struct writer *w, const struct change_kind *kind)
{
    struct change *c = change_new(kind);

    if (c == NULL)
        return NULL;
    c->uid = getuid();
    c->pid = getpid();
    mail_append(&w->waiting, &c->mail);
    return c;
}

static void purge_bans(struct purge *p, struct writer *w, int64_t now)
{
    struct over over = { .now = now };
    int64_t monotonic = clock_seconds();
    struct problem problem;

    if (w->bans == 0 || monotonic < p->next_ban_round)
        return;
    enum store_found found = store_walk_bans(w->store, &p->ban_place, STEP_RECORDS, note_if_over,
                                             &over, &problem);
    if (found == STORE_FAILED)
        log_error("purge: %s", problem.message);
    if (found != STORE_FOUND) {
        p->ban_place = (struct store_place){ 0 };
        p->next_ban_round = monotonic + BAN_ROUND_SECONDS;
    }
    for (size_t i = 0; i < over.count; i++) {
        struct change *c = queue_change(w, &change_lapse);
        if (c == NULL)
            return;
        memcpy(c->want.digest, over.digest[i], DIGEST_SIZE);
    }
}

void purge_step(struct purge *p, struct writer *w, int64_t retention, int64_t now)
{
    struct table_walk_ended ended[STEP_TOKENS];

    /* The store does not know that it must leave a ban. */
    if (w->disk_failure.unsaved.first != NULL)
        return;
    purge_bans(p, w, now);
    if (p->slot == 0 && now < p->next_round && now + ROUND_SECONDS >= p->next_round)
        return;
    size_t count = table_walk_ended(w->token_table, &p->slot, STEP_SLOTS, now - retention, ended,
                                    STEP_TOKENS);
    if (p->slot == 0)
        p->next_round = now + (retention < ROUND_SECONDS ? 1 : ROUND_SECONDS);
    for (size_t i = 0; i < count; i++) {
        struct change *c = queue_change(w, &change_purge);
        if (c == NULL)
            return;
        memcpy(c->id, ended[i].id, ID_SIZE);
        c->grace = retention;
    }
}
