/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/held_answers.h"

#include <limits.h>

#include "daemon/base/clock.h"
#include "daemon/writer/publish.h"

void held_answers_begin(struct held_answers *h, uint64_t until)
{
    h->until = until;
}

static struct mail_list *bucket_of(struct held_answers *h, const struct change *c)
{
    return &h->bucket[((uintptr_t)c->sender >> 6) % HELD_ANSWERS_BUCKETS];
}

/* True if an earlier answer to the same session is held back. */
static bool sender_waits(struct held_answers *h, const struct change *c)
{
    for (const struct mail *m = bucket_of(h, c)->first; m != NULL; m = m->next)
        if (((const struct change *)m)->sender == c->sender)
            return true;
    return false;
}

void held_answers_publish(struct held_answers *h, struct mail_list *changes)
{
    struct mail_list now = { NULL, NULL };

    if (!held_answers_is_holding(h)) {
        held_answers_release(h); /* first: they are older */
        publish_answers(changes);
        return;
    }
    for (struct mail *m; (m = mail_pop(changes)) != NULL;) {
        struct change *c = (struct change *)m;
        bool held = c->reply_to != NULL && (change_narrows(c) || sender_waits(h, c));
        mail_append(held ? bucket_of(h, c) : &now, m);
        h->count += held;
    }
    publish_answers(&now);
}

void held_answers_release(struct held_answers *h)
{
    for (size_t i = 0; i < HELD_ANSWERS_BUCKETS && h->count > 0; i++)
        publish_answers(&h->bucket[i]);
    h->count = 0;
}

bool held_answers_is_holding(const struct held_answers *h)
{
    return h->until != 0 && clock_monotonic() < h->until;
}

bool held_answers_is_due(const struct held_answers *h)
{
    return h->count > 0 && !held_answers_is_holding(h);
}

int held_answers_wait(const struct held_answers *h)
{
    uint64_t now = clock_monotonic();

    if (h->count == 0)
        return INT_MAX;
    return now < h->until ? (int)((h->until - now) / 1000000) + 1 : 0;
}
