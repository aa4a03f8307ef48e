/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/lib/recent_uses.h"

#include <stdbool.h>
#include <string.h>

#define UNREPORTED (UINT64_C(1) << 32)

/* An entry is written at most twice a minute, for its token and when that is reported, so the cache
 * lines that all threads share are hardly ever dirty.  If the set of a token is full in this
 * minute, its use is not reported; the same may happen to one of two tokens recorded at the same
 * moment, and the daemon ignores an id mixed from both. */
void recent_uses_add(struct recent_uses *uses, const uint8_t id[ID_SIZE], uint32_t minute)
{
    uint64_t head, free_at = UINT64_MAX;
    uint64_t tail = (uint64_t)id[ID_SIZE - 2] << 56 | (uint64_t)id[ID_SIZE - 1] << 48;
    size_t set = recent_uses_set_of(id);

    memcpy(&head, id, sizeof(head));
    for (unsigned i = 0; i < RECENT_USES_WAYS; i++) {
        uint64_t rest = atomic_load_explicit(&uses->entry[set][i].rest, memory_order_relaxed);
        bool same = atomic_load_explicit(&uses->entry[set][i].head, memory_order_relaxed) == head;
        bool fresh = (uint32_t)rest == minute;
        if (same && fresh)
            return;
        if (same || (!fresh && !(rest & UNREPORTED) && free_at == UINT64_MAX))
            free_at = i;
    }
    if (free_at == UINT64_MAX)
        return;
    atomic_store_explicit(&uses->entry[set][free_at].head, head, memory_order_relaxed);
    atomic_store_explicit(&uses->entry[set][free_at].rest, tail | UNREPORTED | minute,
                          memory_order_relaxed);
}

size_t recent_uses_take(struct recent_uses *uses, uint8_t (*id)[ID_SIZE], size_t max)
{
    size_t count = 0;

    for (size_t i = 0; i < RECENT_USES_WAYS * RECENT_USES_SETS && count < max; i++) {
        struct recent_use *use = &uses->entry[i / RECENT_USES_WAYS][i % RECENT_USES_WAYS];
        uint64_t rest = atomic_load_explicit(&use->rest, memory_order_relaxed);
        if (!(rest & UNREPORTED))
            continue;
        uint64_t head = atomic_load_explicit(&use->head, memory_order_relaxed);
        memcpy(id[count], &head, sizeof(head));
        id[count][ID_SIZE - 2] = (uint8_t)(rest >> 56);
        id[count][ID_SIZE - 1] = (uint8_t)(rest >> 48);
        count++;
        atomic_store_explicit(&use->rest, rest & ~UNREPORTED, memory_order_relaxed);
    }
    return count;
}
