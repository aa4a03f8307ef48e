/* SPDX-License-Identifier: Apache-2.0 */
/* The reader's half of a seqlock without fences: the writer stores every field with release order,
 * the reader loads every field with acquire order, so that it loads `sequence` again after the
 * fields.  On x86 and arm64 these are plain loads, or nearly. */
#include "proto/table.h"

enum { TRIES = 1000 };

const char *table_attach(struct table *table, const void *mapping, uint64_t size)
{
    const struct table_header *h = mapping;

    if (size < TABLE_HEADER_SIZE)
        return "shorter than a table's header";
    if (h->magic != TABLE_MAGIC)
        return "not a jeton table";
    uint32_t layout = h->layout;
    if (layout < TABLE_LAYOUT || layout > TABLE_LAYOUT_FLEET_SHA256)
        return "a table of another layout version";
    *table = (struct table){
        .header = h,
        .arena_size = h->arena_size,
        .total_size = h->total_size,
        .slot_count = table_slot_count(layout, h->slots),
    };
    table_set_layout(table, layout);
    if (table->slot_count == 0)
        return "a table with an impossible number of slots";
    if (table->arena_size < sizeof(uint16_t) || table->arena_size > UINT32_MAX ||
        h->slots_offset != TABLE_HEADER_SIZE ||
        h->arena_offset != table_size(table->slot_count, 0) ||
        table->total_size != table_size(table->slot_count, table->arena_size) ||
        table->total_size > size)
        return "a table whose parts do not fit its size";
    memcpy(table->prefix, h->prefix, sizeof(table->prefix));
    if (memchr(table->prefix, '\0', sizeof(table->prefix)) == NULL)
        return "a table without a proper prefix";
    table->slots = (const void *)((const char *)mapping + TABLE_HEADER_SIZE);
    table->arena = (const char *)mapping + table_size(table->slot_count, 0);
    return NULL;
}

void table_set_layout(struct table *table, uint32_t layout)
{
    table->has_sha256 = layout == TABLE_LAYOUT_SHA256 || layout == TABLE_LAYOUT_ANY_SIZE_SHA256 ||
                        layout == TABLE_LAYOUT_FLEET_SHA256;
    table->has_fleet = layout >= TABLE_LAYOUT_FLEET;
    table->is_special = table->has_sha256 || table->has_fleet;
    table->has_reaches = layout >= TABLE_LAYOUT_ANY_SIZE;
    table->deadlines = table->has_fleet ? &table->header->monotonic : NULL;
    memcpy(table->seed, table->header->seed, sizeof(table->seed));
}

uint64_t table_size(uint32_t slot_count, uint64_t arena_size)
{
    return TABLE_HEADER_SIZE + sizeof(struct table_slot) * slot_count + arena_size;
}

uint32_t table_slot_count(uint32_t layout, uint32_t slots)
{
    if (layout < TABLE_LAYOUT_ANY_SIZE)
        slots = slots >= TABLE_BITS_MIN && slots <= TABLE_BITS_MAX ? UINT32_C(1) << slots : 0;
    return slots >= UINT32_C(1) << TABLE_BITS_MIN && slots <= UINT32_C(1) << TABLE_BITS_MAX ?
               slots :
               0;
}

/* From here to find(), `words` is how much of the digest is compared: all of it, but for a token that
 * an alias leads to.  Inline, so that each is compiled for its number. */
static inline __attribute__((always_inline)) bool same_digest(const struct table_slot *slot,
                                                              const uint8_t *digest, int words)
{
    uint64_t difference = 0, wanted;

#pragma GCC unroll 4
    for (int i = 0; i < words; i++) {
        uint64_t has = atomic_load_explicit(&slot->digest[i], memory_order_acquire);
        memcpy(&wanted, digest + 8 * i, sizeof(wanted));
        difference |= has ^ wanted;
    }
    return difference == 0;
}

enum slot_match { MATCH_EMPTY, MATCH_OTHER, MATCH_SAME, MATCH_TORN };

/* Read a slot and compare its digest. */
static inline __attribute__((always_inline)) enum slot_match read_slot(
    const struct table_slot *slot, const uint8_t *digest, int words, struct table_entry *entry)
{
    for (int tries = 0; tries < TRIES; tries++) {
        uint32_t before = atomic_load_explicit(&slot->sequence, memory_order_acquire);
        if (before & 1)
            continue;
        entry->flags = atomic_load_explicit(&slot->flags, memory_order_acquire);
        if (entry->flags == 0)
            return MATCH_EMPTY;
        bool same = (entry->flags & SLOT_PRESENT) && same_digest(slot, digest, words);
        entry->activates = atomic_load_explicit(&slot->activates, memory_order_acquire);
        entry->expires = atomic_load_explicit(&slot->expires, memory_order_acquire);
        entry->scopes = atomic_load_explicit(&slot->scopes, memory_order_acquire);
        entry->subject = atomic_load_explicit(&slot->subject, memory_order_acquire);
        if (atomic_load_explicit(&slot->sequence, memory_order_relaxed) == before)
            return same ? MATCH_SAME : MATCH_OTHER;
    }
    return MATCH_TORN;
}

/* Return how many slots after a home slot are to be read. */
static uint32_t reach_of(const struct table *t, uint32_t flags)
{
    uint32_t reach = flags >> SLOT_REACH_SHIFT;

    return t->has_reaches && reach < SLOT_REACH_MAX ? reach : t->slot_count - 1;
}

static inline __attribute__((always_inline)) enum table_found find(const struct table *t,
                                                                   uint32_t at,
                                                                   const uint8_t *digest, int words,
                                                                   struct table_entry *entry)
{
    uint32_t reach = 0;

    for (uint32_t probes = 0;; probes++) {
        switch (read_slot(&t->slots[at], digest, words, entry)) {
        case MATCH_OTHER:
            if (probes == 0)
                reach = reach_of(t, entry->flags);
            if (probes == reach)
                return TABLE_MISS;
            at = at + 1 < t->slot_count ? at + 1 : 0;
            break;
        case MATCH_SAME:
            entry->slot = at;
            return TABLE_HIT;
        case MATCH_EMPTY:
            return TABLE_MISS;
        case MATCH_TORN:
            return TABLE_TORN;
        }
    }
}

enum table_found table_find(const struct table *t, const uint8_t digest[DIGEST_SIZE],
                            struct table_entry *entry)
{
    return table_find_from(t, table_home(t, digest), digest, entry);
}

enum table_found table_find_from(const struct table *t, uint32_t home,
                                 const uint8_t digest[DIGEST_SIZE], struct table_entry *entry)
{
    return find(t, home, digest, DIGEST_SIZE / 8, entry);
}

enum table_found table_find_name(const struct table *t, const uint8_t digest[DIGEST_SIZE],
                                 struct table_entry *entry)
{
    enum table_found found = table_find(t, digest, entry);
    uint8_t target[ALIAS_TARGET];

    if (found != TABLE_HIT || (entry->flags & SLOT_ALIAS) == 0)
        return found;
    memcpy(target, &entry->activates, 8);
    memcpy(target + 8, &entry->expires, 8);
    memcpy(target + 16, &entry->scopes, 4);
    memcpy(target + 20, &entry->subject, 4);
    return find(t, table_home(t, target), target, ALIAS_TARGET / 8, entry);
}

bool table_string(const struct table *t, uint32_t reference, struct slice *string)
{
    uint16_t len;

    if (reference > t->arena_size - sizeof(len))
        return false;
    memcpy(&len, t->arena + reference, sizeof(len));
    if (len > t->arena_size - sizeof(len) - reference)
        return false;
    *string = (struct slice){ t->arena + reference + sizeof(len), len };
    return true;
}
