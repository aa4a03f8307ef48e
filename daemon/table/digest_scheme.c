/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/table/digest_scheme.h"

#include "daemon/table/generation.h"
#include "daemon/table/token_look.h"
#include "proto/token.h"

bool digest_scheme_has_sha256(struct token_table *t)
{
    const struct generation *g = token_table_lock(t);
    bool has = g->table.has_sha256;

    token_table_unlock(t);
    return has;
}

int digest_scheme_use_sha256(struct token_table *t)
{
    struct generation *g = token_table_lock(t);
    bool has = g->table.has_sha256;

    g->wants_sha256 = true;
    token_table_unlock(t);
    return has ? 0 : token_table_recall(t);
}

uint32_t digest_scheme_look(struct token_table *t, unsigned reader, struct slice value,
                            uint8_t digest[DIGEST_SIZE])
{
    uint8_t wanted[DIGEST_SIZE];

    bool has = token_table_table(token_table_enter(t, reader))->has_sha256;
    token_table_leave(t, reader);
    if (!has)
        return 0;
    token_sha256(value, wanted);
    uint32_t flags = token_look(t, reader, wanted, digest);
    bool is_its = (flags & SLOT_SHA256) != 0 && memcmp(digest, wanted, DIGEST_SIZE) == 0;
    return is_its ? flags : 0;
}
