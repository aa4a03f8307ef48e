/* SPDX-License-Identifier: Apache-2.0 */
/* What the table has of a fleet: its layout, its seed, and the fleet's lease.  These lie in the header alone, where
 * a new generation finds them. */
#include "daemon/table/generation.h"
#include "daemon/table/lease.h"
#include "daemon/table/token_table.h"

bool token_table_has_fleet(struct token_table *t)
{
    bool has = token_table_lock(t)->table.has_fleet;

    token_table_unlock(t);
    return has;
}

int token_table_use_fleet(struct token_table *t)
{
    struct generation *g = token_table_lock(t);
    bool has = g->table.has_fleet;

    g->wants_fleet = true;
    token_table_unlock(t);
    return has ? 0 : token_table_recall(t);
}

bool token_table_is_crowded(struct token_table *t)
{
    bool crowded = generation_is_crowded(token_table_lock(t));

    token_table_unlock(t);
    return crowded;
}

int token_table_spread(struct token_table *t)
{
    token_table_lock(t)->wants_seed = true;
    token_table_unlock(t);
    int error = token_table_recall(t);
    if (error == 0)
        return 0;
    struct generation *g = token_table_lock(t);
    g->wants_seed = false;
    g->passed = 0;
    token_table_unlock(t);
    return error;
}

void token_table_set_fleet_lease(struct token_table *t, int64_t until, int64_t keep)
{
    struct generation *g = token_table_lock(t);

    if (g->table.has_fleet)
        lease_grant_fleet(g->header, until, keep);
    token_table_unlock(t);
}

void token_table_fleet_lease(struct token_table *t, int64_t *until, int64_t *keep)
{
    const struct generation *g = token_table_lock(t);

    *until = atomic_load(&g->header->boottime.until);
    *keep = atomic_load(&g->header->boottime.keep);
    token_table_unlock(t);
}
