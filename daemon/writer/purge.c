/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/purge.h"

#include <unistd.h>

#include "daemon/table/table_walk.h"
#include "daemon/writer/change_apply.h"

/* A round over 10^6 tokens takes half a minute; each step is one batch at most. */
enum { STEP_SLOTS = 65536, STEP_TOKENS = 256, ROUND_SECONDS = 60 };

void purge_step(struct purge *p, struct writer *w, int64_t retention, int64_t now)
{
    struct table_walk_ended ended[STEP_TOKENS];

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
