/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/table/token_peek.h"

#include "daemon/table/generation.h"

static struct token_peek peek(const struct generation *g, const uint8_t id[ID_SIZE])
{
    struct token_peek token = { .flags = 0 };
    struct place place = generation_place(g, id);

    if (!place.found)
        return token;
    struct slot_values v = generation_read(g, place.slot);
    if (!table_string(&g->table, v.subject, &token.subject) ||
        !table_string(&g->table, v.scopes, &token.scopes))
        return token;
    token.flags = v.flags;
    token.activates = v.activates;
    token.expires = v.expires;
    token.used = atomic_load_explicit(&g->used[place.slot], memory_order_relaxed);
    return token;
}

void token_peek_each(struct token_table *t, const uint8_t *const id[], size_t count,
                     token_peek_visit *visit, void *context)
{
    const struct generation *g = token_table_lock(t);

    for (size_t i = 0; i < count; i++)
        generation_prefetch(g, id[i]);
    for (size_t i = 0; i < count; i++) {
        struct token_peek token = peek(g, id[i]);
        visit(context, i, &token);
    }
    token_table_unlock(t);
}

void token_peek_prefetch(struct token_table *t, const uint8_t digest[DIGEST_SIZE])
{
    generation_prefetch(token_table_lock(t), digest);
    token_table_unlock(t);
}
