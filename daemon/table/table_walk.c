/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/table/table_walk.h"

#include "daemon/table/generation.h"
#include "proto/verdict.h"

/* Fill an element from a slot; false if the slot is not wanted. */
typedef bool picker(const struct generation *g, uint32_t slot, int64_t time, void *element);

static bool pick_use(const struct generation *g, uint32_t slot, int64_t since, void *element)
{
    struct table_walk_use *use = element;
    uint32_t used = atomic_load_explicit(&g->used[slot], memory_order_relaxed);

    if (used == 0 || used < since)
        return false;
    struct slot_values v = generation_read(g, slot);
    memcpy(use->id, v.digest, ID_SIZE);
    use->time = used;
    return (v.flags & (SLOT_PRESENT | SLOT_NO_TOKEN)) == SLOT_PRESENT;
}

static bool pick_ended(const struct generation *g, uint32_t slot, int64_t before, void *element)
{
    struct table_walk_ended *ended = element;
    struct slot_values v = generation_read(g, slot);

    memcpy(ended->id, v.digest, ID_SIZE);
    return (v.flags & (SLOT_PRESENT | SLOT_NO_TOKEN | SLOT_FLEET)) == SLOT_PRESENT &&
           ((v.flags & SLOT_REVOKED) || v.expires <= before);
}

static bool is_unrevoked_token(const struct slot_values *v)
{
    return (v->flags & (SLOT_PRESENT | SLOT_NO_TOKEN | SLOT_REVOKED)) == SLOT_PRESENT;
}

static bool pick_subject(const struct generation *g, uint32_t slot, int64_t time, void *element)
{
    struct table_walk_subject *found = element;
    struct slot_values v = generation_read(g, slot);
    struct slice subject;

    (void)time;
    if (!is_unrevoked_token(&v) || !table_string(&g->table, v.subject, &subject) ||
        subject.len == 0 || subject.len > sizeof(found->subject))
        return false;
    found->expires = v.expires;
    found->subject_len = (uint16_t)subject.len;
    memcpy(found->subject, subject.at, subject.len);
    return true;
}

static bool pick_end(const struct generation *g, uint32_t slot, int64_t now, void *element)
{
    struct table_walk_end *end = element;
    struct slot_values v = generation_read(g, slot);

    end->state = verdict_state(v.flags, v.activates, v.expires, now);
    end->expires = v.expires;
    end->fleet = (v.flags & SLOT_FLEET) != 0;
    memcpy(end->id, v.digest, ID_SIZE);
    return (v.flags & (SLOT_PRESENT | SLOT_NO_TOKEN)) == SLOT_PRESENT;
}

static size_t walk(struct token_table *t, uint32_t *slot, uint32_t slots, picker *pick,
                   int64_t time, void *elements, size_t size, size_t max)
{
    const struct generation *g = token_table_lock(t);
    uint64_t end = g->table.slot_count, at = *slot;
    size_t count = 0;

    for (uint64_t stop = at + slots; at < end && at < stop && count < max; at++)
        count += pick(g, (uint32_t)at, time, (char *)elements + count * size);
    *slot = at < end ? (uint32_t)at : 0;
    token_table_unlock(t);
    return count;
}

size_t table_walk_uses(struct token_table *t, uint32_t *slot, uint32_t slots, int64_t since,
                       struct table_walk_use *use, size_t max)
{
    return walk(t, slot, slots, pick_use, since, use, sizeof(*use), max);
}

size_t table_walk_ended(struct token_table *t, uint32_t *slot, uint32_t slots, int64_t before,
                        struct table_walk_ended *ended, size_t max)
{
    return walk(t, slot, slots, pick_ended, before, ended, sizeof(*ended), max);
}

size_t table_walk_subjects(struct token_table *t, uint32_t *slot, uint32_t slots,
                           struct table_walk_subject *subject, size_t max)
{
    return walk(t, slot, slots, pick_subject, 0, subject, sizeof(*subject), max);
}

size_t table_walk_ends(struct token_table *t, uint32_t *slot, uint32_t slots, int64_t now,
                       struct table_walk_end *end, size_t max)
{
    return walk(t, slot, slots, pick_end, now, end, sizeof(*end), max);
}
