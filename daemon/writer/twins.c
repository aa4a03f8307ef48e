/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/twins.h"

#include "daemon/table/token_bans.h"

static bool find(const struct twins *twins, struct token_table *table,
                 const uint8_t signed_part[DIGEST_SIZE], uint8_t id[ID_SIZE])
{
    const struct change *c = twins->last;

    while (c != NULL && memcmp(c->want.signed_part, signed_part, DIGEST_SIZE) != 0)
        c = c->next_signed;
    if (c == NULL)
        return token_bans_find_alias(table, signed_part, id);
    memcpy(id, c->want.digest, ID_SIZE);
    return true;
}

void twins_find(const struct twins *twins, struct token_table *table, struct change *c)
{
    if (c->want.has_signed && (c->kind->adds || c->by_signed))
        c->has_twin = find(twins, table, c->want.signed_part, c->id);
    for (size_t i = 0; i < c->names && !c->has_twin; i++)
        c->has_twin = find(twins, table, c->name[i], c->id);
}

void twins_note(struct twins *twins, struct change *c)
{
    if (!c->is_new || !c->want.has_signed || !change_writes(c))
        return;
    c->next_signed = twins->last;
    twins->last = c;
}
