/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/table/token_look.h"

#include <errno.h>

#include "daemon/table/generation.h"

enum { TRIES = 16 };

struct look {
    uint32_t slot;
    uint32_t flags; /* 0: no such token */
    uint64_t digest[DIGEST_SIZE / 8];
    int64_t activates;
    int64_t expires;
};

/* Read a slot.  False: it was changed at every try. */
static bool read_slot(const struct table_slot *slot, struct look *l)
{
    for (int tries = 0; tries < TRIES; tries++) {
        uint32_t before = atomic_load_explicit(&slot->sequence, memory_order_acquire);
        if (before & 1)
            continue;
        l->flags = atomic_load_explicit(&slot->flags, memory_order_acquire) & ~SLOT_REACH_BITS;
        for (int i = 0; i < DIGEST_SIZE / 8; i++)
            l->digest[i] = atomic_load_explicit(&slot->digest[i], memory_order_acquire);
        l->activates = atomic_load_explicit(&slot->activates, memory_order_acquire);
        l->expires = atomic_load_explicit(&slot->expires, memory_order_acquire);
        if (atomic_load_explicit(&slot->sequence, memory_order_relaxed) == before)
            return true;
    }
    return false;
}

/* Find the slot of a token.  False: one on the way to it was changed at every try. */
static bool find(const struct generation *g, const uint8_t id[ID_SIZE], struct look *l)
{
    const uint32_t slots = g->table.slot_count;

    l->slot = table_home(&g->table, id);
    while (read_slot(&g->slots[l->slot], l)) {
        if (l->flags == 0 || ((l->flags & SLOT_PRESENT) && (l->flags & SLOT_NO_TOKEN) == 0 &&
                              memcmp(l->digest, id, ID_SIZE) == 0))
            return true;
        l->slot = l->slot + 1 < slots ? l->slot + 1 : 0;
    }
    return false;
}

uint32_t token_look(struct token_table *t, unsigned reader, const uint8_t id[ID_SIZE],
                    uint8_t digest[DIGEST_SIZE])
{
    struct look l;
    int64_t used;

    bool found = find(token_table_enter(t, reader), id, &l);
    token_table_leave(t, reader);
    if (!found)
        return token_table_look(t, id, digest, &used);
    if (l.flags != 0)
        memcpy(digest, l.digest, DIGEST_SIZE);
    return l.flags;
}

/* A use that is not noted because the token is just being changed is noted with the next one. */
void token_look_touch(struct token_table *t, unsigned reader, const uint8_t id[ID_SIZE],
                      int64_t now)
{
    const struct generation *g = token_table_enter(t, reader);
    struct look l;

    if (find(g, id, &l) && l.flags != 0 &&
        verdict_state(l.flags, l.activates, l.expires, now) == STATUS_OK)
        token_table_touch(g, l.slot, now);
    token_table_leave(t, reader);
}

enum status token_look_state(struct token_table *t, unsigned reader, const uint8_t id[ID_SIZE],
                             int64_t now)
{
    struct look l;

    bool found = find(token_table_enter(t, reader), id, &l) && l.flags != 0;
    token_table_leave(t, reader);
    return found ? verdict_state(l.flags, l.activates, l.expires, now) : STATUS_UNKNOWN;
}

struct token_table_figures token_look_figures(struct token_table *t, unsigned reader)
{
    const struct generation *g = token_table_enter(t, reader);
    struct token_table_figures figures = token_table_figures_of(t, g);

    token_table_leave(t, reader);
    return figures;
}

int token_look_descriptor(struct token_table *t, unsigned reader, uint64_t *size,
                          uint64_t *generation)
{
    const struct generation *g = token_table_enter(t, reader);
    int fd = token_table_is_withheld(t) ? -EBUSY : generation_open(g);

    *size = g->table.total_size;
    *generation = g->number;
    token_table_leave(t, reader);
    return fd;
}
