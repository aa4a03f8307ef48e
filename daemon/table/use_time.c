/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/table/use_time.h"

#include "daemon/table/generation.h"

void use_time_note(struct token_table *t, const uint8_t id[ID_SIZE], int64_t time)
{
    uint32_t seconds = time < UINT32_MAX ? (uint32_t)time : UINT32_MAX;
    struct generation *g = token_table_lock(t);
    struct place place = generation_place(g, id);

    if (place.found && atomic_load_explicit(&g->used[place.slot], memory_order_relaxed) < seconds)
        atomic_store_explicit(&g->used[place.slot], seconds, memory_order_relaxed);
    token_table_unlock(t);
}
