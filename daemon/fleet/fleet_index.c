/* SPDX-License-Identifier: Apache-2.0 */
/* An array of entries, and a hash table of their numbers with linear probing.  The hash has a secret key: ids
 * are chosen by whoever makes the tokens. */
#include "daemon/fleet/fleet_index.h"

#include <sodium.h>
#include <stdlib.h>

#include "daemon/base/page_array.h"

enum { SLOTS_MIN = 64 };

struct fleet_index {
    struct fleet_indexed *entry;
    size_t capacity;
    size_t count;
    uint32_t *slot; /* the number of an entry + 1; 0: free */
    size_t slots;   /* a power of 2, at least 4/3 of the count */
    uint8_t key[crypto_shorthash_KEYBYTES];
};

struct fleet_index *fleet_index_new(void)
{
    struct fleet_index *i = calloc(1, sizeof(*i));

    if (i == NULL)
        return NULL;
    randombytes_buf(i->key, sizeof(i->key));
    i->slots = SLOTS_MIN;
    i->slot = calloc(i->slots, sizeof(*i->slot));
    if (i->slot != NULL)
        return i;
    free(i);
    return NULL;
}

void fleet_index_free(struct fleet_index *i)
{
    if (i == NULL)
        return;
    page_array_free(i->entry, i->capacity, sizeof(*i->entry));
    free(i->slot);
    free(i);
}

/* Give the memory of many back. */
void fleet_index_clear(struct fleet_index *i)
{
    uint32_t *few = i->slots > SLOTS_MIN ? calloc(SLOTS_MIN, sizeof(*few)) : NULL;

    if (few != NULL) {
        free(i->slot);
        i->slot = few;
        i->slots = SLOTS_MIN;
        page_array_free(i->entry, i->capacity, sizeof(*i->entry));
        i->entry = NULL;
        i->capacity = 0;
    } else {
        memset(i->slot, 0, i->slots * sizeof(*i->slot));
    }
    i->count = 0;
}

size_t fleet_index_count(const struct fleet_index *i)
{
    return i->count;
}

const struct fleet_indexed *fleet_index_at(const struct fleet_index *i, size_t at)
{
    return &i->entry[at];
}

/* Return the slot of an id, or the free one where it would be. */
static size_t find_slot(const struct fleet_index *i, const uint8_t id[ID_SIZE])
{
    uint64_t hash;

    crypto_shorthash((uint8_t *)&hash, id, ID_SIZE, i->key);
    size_t at = hash & (i->slots - 1);
    while (i->slot[at] != 0 && memcmp(i->entry[i->slot[at] - 1].id, id, ID_SIZE) != 0)
        at = (at + 1) & (i->slots - 1);
    return at;
}

static bool grow_slots(struct fleet_index *i, size_t slots)
{
    uint32_t *slot = calloc(slots, sizeof(*slot));

    if (slot == NULL)
        return false;
    free(i->slot);
    i->slot = slot;
    i->slots = slots;
    for (size_t n = 0; n < i->count; n++)
        i->slot[find_slot(i, i->entry[n].id)] = (uint32_t)n + 1;
    return true;
}

bool fleet_index_reserve(struct fleet_index *i, size_t more)
{
    const size_t needed = i->count + more;
    size_t slots = i->slots;

    if (needed > UINT32_MAX / 2)
        return false;
    while (slots / 4 * 3 < needed)
        slots *= 2;
    if (slots > i->slots && !grow_slots(i, slots))
        return false;
    if (needed <= i->capacity)
        return true;
    struct fleet_indexed *entry = page_array_grow(i->entry, &i->capacity, sizeof(*entry), needed);
    if (entry == NULL)
        return false;
    i->entry = entry;
    return true;
}

void fleet_index_put(struct fleet_index *i, const struct fleet_indexed *entry)
{
    uint32_t *slot = &i->slot[find_slot(i, entry->id)];

    if (*slot == 0)
        *slot = (uint32_t)++i->count;
    i->entry[*slot - 1] = *entry;
}

const struct fleet_indexed *fleet_index_find(const struct fleet_index *i, const uint8_t id[ID_SIZE])
{
    uint32_t number = i->count > 0 ? i->slot[find_slot(i, id)] : 0;

    return number > 0 ? &i->entry[number - 1] : NULL;
}

static int compare(const void *a, const void *b, void *index)
{
    const struct fleet_index *i = index;

    return memcmp(i->entry[*(const uint32_t *)a].id, i->entry[*(const uint32_t *)b].id, ID_SIZE);
}

uint32_t *fleet_index_sorted(const struct fleet_index *i)
{
    uint32_t *order = malloc((i->count + 1) * sizeof(*order));

    if (order == NULL)
        return NULL;
    for (size_t n = 0; n < i->count; n++)
        order[n] = (uint32_t)n;
    qsort_r(order, i->count, sizeof(*order), compare, (void *)(uintptr_t)i);
    return order;
}

uint32_t fleet_index_check(struct slice bytes)
{
    static const uint8_t key[crypto_shorthash_KEYBYTES];
    uint32_t check[2];

    crypto_shorthash((uint8_t *)check, (const uint8_t *)bytes.at, bytes.len, key);
    return check[0];
}
