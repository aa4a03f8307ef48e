/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/table/string_table.h"

#include <assert.h>
#include <sodium.h>
#include <sys/mman.h>

#include "proto/pages.h"

enum { STRING_ALIGN = 2, SLOTS_MIN = 1024 };

/* Twice: a difference in the upper bits alone passes the first multiplication as it is, whatever the key, and the next
 * word could make up for it. */
static uint64_t mix(uint64_t hash, uint64_t word, uint64_t key)
{
    hash = (hash ^ word) * key;
    return (hash ^ hash >> 32) * key;
}

/* Hash by words, of which the last may overlap the one before.  The key is secret, as subjects and scopes are chosen
 * by whoever makes the tokens. */
static uint32_t string_hash(const struct string_table *t, struct slice s)
{
    const uint64_t key = t->key;
    uint64_t hash = s.len ^ key, word = 0;

    for (size_t at = 0; at + sizeof(word) < s.len; at += sizeof(word)) {
        memcpy(&word, s.at + at, sizeof(word));
        hash = mix(hash, word, key);
    }
    if (s.len >= sizeof(word))
        memcpy(&word, s.at + s.len - sizeof(word), sizeof(word));
    else if (s.len > 0)
        memcpy(&word, s.at, s.len);
    return (uint32_t)(mix(hash, word, key) >> 32);
}

static uint64_t string_size(size_t len)
{
    return (sizeof(uint16_t) + len + STRING_ALIGN - 1) / STRING_ALIGN * STRING_ALIGN;
}

uint64_t string_table_bytes(uint64_t tokens, uint64_t bytes)
{
    return bytes + 2 * tokens * (sizeof(uint16_t) + STRING_ALIGN);
}

static void free_slots(uint32_t *slot, uint32_t mask)
{
    if (slot != NULL)
        munmap(slot, ((size_t)mask + 1) * sizeof(*slot));
}

void string_table_free(struct string_table *s)
{
    free_slots(s->slot, s->mask);
    s->slot = NULL;
}

bool string_table_can_add(const struct string_table *s, uint64_t strings)
{
    return s->count + strings <= ((uint64_t)s->mask + 1) / 4 * 3;
}

/* Put the references into other slots. */
static void copy(uint32_t *slot, uint32_t mask, const struct string_table *s,
                 const struct table *table)
{
    struct slice string;

    for (uint64_t i = 0; s->slot != NULL && i <= s->mask; i++) {
        if (s->slot[i] == 0 || !table_string(table, s->slot[i], &string))
            continue;
        uint32_t at = string_hash(s, string) & mask;
        while (slot[at] != 0)
            at = (at + 1) & mask;
        slot[at] = s->slot[i];
    }
}

/* Most tokens share their strings, so the number of slots follows that of the strings. */
bool string_table_reserve(struct string_table *s, const struct table *table, uint64_t strings)
{
    uint64_t slots = s->slot != NULL ? (uint64_t)s->mask + 1 : SLOTS_MIN;

    if (s->slot == NULL) {
        randombytes_buf(&s->key, sizeof(s->key));
        s->key |= 1;
    }
    while (s->count + strings > slots / 4 * 3)
        slots *= 2;
    if (s->slot != NULL && slots == (uint64_t)s->mask + 1)
        return true;
    uint32_t mask = (uint32_t)(slots - 1);
    uint32_t *slot = pages_map(slots * sizeof(*slot), PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS, -1);
    if (slot == MAP_FAILED)
        return false;
    copy(slot, mask, s, table);
    free_slots(s->slot, s->mask);
    s->slot = slot;
    s->mask = mask;
    return true;
}

uint32_t string_table_intern(struct string_table *t, const struct table *table, struct slice s)
{
    uint32_t at = string_hash(t, s) & t->mask;
    uint16_t len = (uint16_t)s.len;
    struct slice have;

    if (s.len == 0)
        return 0;
    for (; t->slot[at] != 0; at = (at + 1) & t->mask)
        if (table_string(table, t->slot[at], &have) && slice_equal(have, s))
            return t->slot[at];
    assert(t->arena_used + string_size(s.len) <= table->arena_size); /* the caller reserved it */
    uint32_t reference = (uint32_t)t->arena_used;
    memcpy(t->arena + reference, &len, sizeof(len));
    memcpy(t->arena + reference + sizeof(len), s.at, s.len);
    t->arena_used += string_size(s.len);
    t->slot[at] = reference;
    t->count++;
    return reference;
}
