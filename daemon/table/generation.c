/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/table/generation.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/pages.h"

void generation_free(struct generation *g)
{
    if (g == NULL)
        return;
    if (g->header != NULL)
        munmap(g->header, g->table.total_size);
    if (g->fd >= 0)
        close(g->fd);
    if (g->used != NULL)
        munmap(g->used, sizeof(*g->used) * g->table.slot_count);
    string_table_free(&g->strings);
    free(g);
}

/* Map the memfd writable before it is sealed: with F_SEAL_FUTURE_WRITE nobody can do that again.
 * Tokens are spread over all pages of the slots, which cost less at once than one by one. */
static int generation_map(struct generation *g, uint64_t size)
{
    const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;

    g->fd = memfd_create("jeton-table", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (g->fd < 0 || ftruncate(g->fd, (off_t)size) < 0)
        return -errno;
    void *at = pages_map(size, PROT_READ | PROT_WRITE, MAP_SHARED, g->fd);
    if (at == MAP_FAILED)
        return -errno;
    pages_fill(at, table_size(g->table.slot_count, 0));
    g->header = at;
    g->table.total_size = size;
    if (fcntl(g->fd, F_ADD_SEALS, seals) < 0 || fchmod(g->fd, 0444) < 0)
        return -errno;
    return 0;
}

static int generation_tables(struct generation *g, uint32_t slot_count)
{
    size_t used = sizeof(*g->used) * slot_count;
    void *at = pages_map(used, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

    if (at == MAP_FAILED)
        return -errno;
    pages_fill(at, used);
    g->used = at;
    return string_table_reserve(&g->strings, &g->table, 0) ? 0 : -ENOMEM;
}

struct generation *generation_new(const char *prefix, uint64_t number, uint32_t slot_count,
                                  uint64_t arena_size)
{
    uint64_t size = table_size(slot_count, arena_size);
    struct generation *g = calloc(1, sizeof(*g));

    if (g == NULL)
        return NULL;
    g->fd = -1;
    g->number = number;
    g->table.slot_count = slot_count;
    int error = generation_map(g, size);
    if (error == 0)
        error = generation_tables(g, slot_count);
    if (error != 0) {
        generation_free(g);
        errno = -error;
        return NULL;
    }
    g->header->magic = TABLE_MAGIC;
    bool any_size = (slot_count & (slot_count - 1)) != 0;
    g->header->layout = any_size ? TABLE_LAYOUT_ANY_SIZE : TABLE_LAYOUT;
    g->header->slots = any_size ? slot_count : (uint32_t)__builtin_ctz(slot_count);
    g->header->slots_offset = TABLE_HEADER_SIZE;
    g->header->arena_offset = table_size(slot_count, 0);
    g->header->arena_size = arena_size;
    g->header->total_size = size;
    g->header->generation = number;
    snprintf(g->header->prefix, sizeof(g->header->prefix), "%s", prefix);
    atomic_store(&g->header->state, TABLE_LIVE);
    g->slots = (void *)((char *)g->header + TABLE_HEADER_SIZE);
    g->strings.arena = (char *)g->header + table_size(slot_count, 0);
    g->strings.arena_used = sizeof(uint16_t); /* reference 0: the empty string */
    if (table_attach(&g->table, g->header, size) == NULL)
        return g;
    generation_free(g);
    errno = ENOSPC;
    return NULL;
}

bool generation_collapse(struct generation *g)
{
    return pages_condense(g->header, table_size(g->table.slot_count, 0), &g->collapsed.slots) ||
           pages_condense(g->used, sizeof(*g->used) * g->table.slot_count, &g->collapsed.used);
}

bool generation_can_add(const struct generation *g, uint64_t tokens, uint64_t bytes)
{
    return (g->occupied + tokens) * 100 <= (uint64_t)g->table.slot_count * TABLE_LOAD_MAX &&
           g->strings.arena_used + string_table_bytes(tokens, bytes) <= g->table.arena_size;
}

bool generation_is_crowded(const struct generation *g)
{
    const uint64_t least = 65536;

    return g->table.has_fleet && g->passed > least + g->table.slot_count / 4;
}

/* -- slots ----------------------------------------------------------------------------------- */

/* Write each field with release order: a reader that sees any of them sees an odd `sequence` too.  The
 * reach stays. */
static void slot_write(struct table_slot *slot, const struct slot_values *v)
{
    uint32_t sequence = atomic_load_explicit(&slot->sequence, memory_order_relaxed);
    uint32_t reach = atomic_load_explicit(&slot->flags, memory_order_relaxed) & SLOT_REACH_BITS;

    atomic_store_explicit(&slot->sequence, sequence + 1, memory_order_relaxed);
    for (int i = 0; i < DIGEST_SIZE / 8; i++)
        atomic_store_explicit(&slot->digest[i], v->digest[i], memory_order_release);
    atomic_store_explicit(&slot->activates, v->activates, memory_order_release);
    atomic_store_explicit(&slot->expires, v->expires, memory_order_release);
    atomic_store_explicit(&slot->scopes, v->scopes, memory_order_release);
    atomic_store_explicit(&slot->subject, v->subject, memory_order_release);
    atomic_store_explicit(&slot->flags, v->flags | reach, memory_order_release);
    atomic_store_explicit(&slot->sequence, sequence + 2, memory_order_release);
}

/* Read without a retry: under the mutex nobody changes the slot. */
struct slot_values generation_read(const struct generation *g, uint32_t at)
{
    const struct table_slot *slot = &g->slots[at];
    struct slot_values v = {
        .flags = atomic_load_explicit(&slot->flags, memory_order_relaxed) & ~SLOT_REACH_BITS,
        .scopes = atomic_load_explicit(&slot->scopes, memory_order_relaxed),
        .subject = atomic_load_explicit(&slot->subject, memory_order_relaxed),
        .activates = atomic_load_explicit(&slot->activates, memory_order_relaxed),
        .expires = atomic_load_explicit(&slot->expires, memory_order_relaxed),
    };

    for (int i = 0; i < DIGEST_SIZE / 8; i++)
        v.digest[i] = atomic_load_explicit(&slot->digest[i], memory_order_relaxed);
    return v;
}

/* Find the slot whose digest begins with these bytes, and whose flags have none of `without`. */
static struct place find(const struct generation *g, const uint8_t *digest, size_t len,
                         uint32_t without)
{
    const uint32_t slots = g->table.slot_count;
    struct place free_place = { UINT32_MAX, false, false };
    uint64_t first;

    memcpy(&first, digest, sizeof(first)); /* `len` is more */
    for (uint32_t at = table_home(&g->table, digest);; at = at + 1 < slots ? at + 1 : 0) {
        const struct table_slot *slot = &g->slots[at];
        uint32_t flags = atomic_load_explicit(&slot->flags, memory_order_relaxed);
        if ((flags & SLOT_PRESENT) == 0 && free_place.slot == UINT32_MAX)
            free_place = (struct place){ at, false, flags != 0 };
        if (flags == 0)
            return free_place;
        if ((flags & SLOT_PRESENT) == 0 || (flags & without) != 0 ||
            atomic_load_explicit(&slot->digest[0], memory_order_relaxed) != first)
            continue;
        struct slot_values v = generation_read(g, at);
        if (memcmp(v.digest, digest, len) == 0)
            return (struct place){ at, true, false };
    }
}

struct place generation_place(const struct generation *g, const uint8_t id[ID_SIZE])
{
    return find(g, id, ID_SIZE, SLOT_NO_TOKEN);
}

struct place generation_place_name(const struct generation *g, const uint8_t digest[DIGEST_SIZE])
{
    return find(g, digest, DIGEST_SIZE, 0);
}

static struct slot_values alias_of(const struct record *record)
{
    struct slot_values v = { .flags = SLOT_PRESENT | SLOT_ALIAS };

    memcpy(v.digest, record->signed_part, DIGEST_SIZE);
    memcpy(&v.activates, record->digest, 8);
    memcpy(&v.expires, record->digest + 8, 8);
    memcpy(&v.scopes, record->digest + 16, 4);
    memcpy(&v.subject, record->digest + 20, 4);
    return v;
}

void generation_alias_target(const struct slot_values *alias, uint8_t target[ALIAS_TARGET])
{
    memcpy(target, &alias->activates, 8);
    memcpy(target + 8, &alias->expires, 8);
    memcpy(target + 16, &alias->scopes, 4);
    memcpy(target + 20, &alias->subject, 4);
}

/* Let readers who begin at the home slot of a digest come to this slot. */
static void raise_reach(struct generation *g, const uint8_t *digest, uint32_t at)
{
    uint32_t home = table_home(&g->table, digest);
    uint32_t reach = at >= home ? at - home : at + g->table.slot_count - home;
    struct table_slot *slot = &g->slots[home];

    if (reach > SLOT_REACH_MAX) {
        g->passed += reach;
        reach = SLOT_REACH_MAX;
    }
    uint32_t flags = atomic_load_explicit(&slot->flags, memory_order_relaxed);
    if (flags >> SLOT_REACH_SHIFT >= reach)
        return;
    uint32_t sequence = atomic_load_explicit(&slot->sequence, memory_order_relaxed);
    flags = (flags & ~SLOT_REACH_BITS) | reach << SLOT_REACH_SHIFT;
    atomic_store_explicit(&slot->sequence, sequence + 1, memory_order_relaxed);
    atomic_store_explicit(&slot->flags, flags, memory_order_release);
    atomic_store_explicit(&slot->sequence, sequence + 2, memory_order_release);
}

void generation_write(struct generation *g, struct place place, const struct slot_values *v)
{
    uint32_t before = place.found ? generation_read(g, place.slot).flags : 0;

    if (!place.found)
        raise_reach(g, (const uint8_t *)v->digest, place.slot);
    slot_write(&g->slots[place.slot], v);
    g->no_tokens += ((v->flags & SLOT_NO_TOKEN) != 0) - (uint64_t)((before & SLOT_NO_TOKEN) != 0);
    if (!place.found) {
        g->present++;
        if (place.was_tombstone)
            atomic_store_explicit(&g->used[place.slot], 0, memory_order_relaxed);
        else
            g->occupied++;
    } else if ((v->flags & SLOT_PRESENT) == 0) {
        g->present--;
    }
}

/* Let the other name of a token lead to it, unless that is banned. */
static void put_alias(struct generation *g, const struct record *record)
{
    struct place place = generation_place_name(g, record->signed_part);

    if (place.found && (generation_read(g, place.slot).flags & SLOT_BANNED))
        return;
    struct slot_values v = alias_of(record);
    generation_write(g, place, &v);
}

/* Find the token's slot.  A ban with its digest gives its slot to it, and its denial. */
static struct place place_token(const struct generation *g, const uint8_t digest[DIGEST_SIZE])
{
    struct place place = generation_place(g, digest);

    if (place.found || g->no_tokens == 0)
        return place;
    struct place ban = generation_place_name(g, digest);
    return ban.found ? ban : place;
}

void generation_put(struct generation *g, const struct record *record)
{
    struct slot_values v = {
        .flags = record_flags(record),
        .activates = record->activates,
        .expires = record->expires,
    };

    struct place place = place_token(g, record->digest);
    memcpy(v.digest, record->digest, DIGEST_SIZE);
    if (place.found)
        v.flags |= generation_read(g, place.slot).flags & (SLOT_REVOKED | SLOT_DISABLED);
    v.scopes = string_table_intern(&g->strings, &g->table, record_scopes(record));
    v.subject = string_table_intern(&g->strings, &g->table, record_subject(record));
    generation_write(g, place, &v);
    if (record->has_signed)
        put_alias(g, record);
}

/* True if the token that an alias leads to is there. */
static bool has_target(const struct generation *g, const struct slot_values *alias)
{
    uint8_t target[ALIAS_TARGET];

    generation_alias_target(alias, target);
    return find(g, target, sizeof(target), SLOT_NO_TOKEN).found;
}

/* Make the strings of a token part of the new table; false if the slot is not to be copied. */
static bool adopt(struct generation *to, const struct generation *from, struct slot_values *v,
                  bool bans)
{
    struct slice scopes, subject;

    if (!(v->flags & SLOT_PRESENT))
        return false;
    if (v->flags & SLOT_ALIAS)
        return has_target(from, v);
    if (v->flags & SLOT_BANNED)
        return bans;
    if (!table_string(&from->table, v->scopes, &scopes) ||
        !table_string(&from->table, v->subject, &subject))
        return false;
    v->scopes = string_table_intern(&to->strings, &to->table, scopes);
    v->subject = string_table_intern(&to->strings, &to->table, subject);
    return true;
}

int generation_open(const struct generation *g)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", g->fd);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd >= 0 ? fd : -errno;
}

/* Every layout with a fleet has the number of slots itself. */
static uint32_t layout_of(const struct table *t, bool sha256, bool fleet)
{
    if (fleet)
        return sha256 ? TABLE_LAYOUT_FLEET_SHA256 : TABLE_LAYOUT_FLEET;
    if (t->has_reaches)
        return sha256 ? TABLE_LAYOUT_ANY_SIZE_SHA256 : TABLE_LAYOUT_ANY_SIZE;
    return sha256 ? TABLE_LAYOUT_SHA256 : TABLE_LAYOUT;
}

/* The seed stays if it can: then tokens are in the same order in both tables. */
static void set_seed(uint64_t seed[2], const struct generation *from)
{
    if (from->table.has_fleet && !from->wants_seed) {
        memcpy(seed, from->table.seed, sizeof(from->table.seed));
        return;
    }
    randombytes_buf(seed, 2 * sizeof(*seed));
    seed[0] |= 1; /* what is multiplied by an odd number stays different */
    seed[1] |= 1;
}

static void copy_layout(struct generation *to, const struct generation *from)
{
    bool fleet = from->table.has_fleet || from->wants_fleet;
    struct table_header *h = to->header;

    h->layout = layout_of(&to->table, from->table.has_sha256 || from->wants_sha256, fleet);
    if (fleet) {
        h->slots = to->table.slot_count;
        set_seed(h->seed, from);
    }
    table_set_layout(&to->table, h->layout);
    if (fleet)
        to->table.deadlines = &h->boottime; /* the clock that we read, see lookup.c */
    atomic_store(&h->boottime.until, atomic_load(&from->header->boottime.until));
    atomic_store(&h->boottime.keep, atomic_load(&from->header->boottime.keep));
}

void generation_copy(struct generation *to, const struct generation *from, bool bans)
{
    uint32_t slots = from->table.slot_count;

    copy_layout(to, from);
    for (uint32_t at = 0; at < slots; at++) {
        struct slot_values v = generation_read(from, at);
        if (!adopt(to, from, &v, bans))
            continue;
        struct place place = generation_place_name(to, (const uint8_t *)v.digest);
        generation_write(to, place, &v);
        atomic_store_explicit(&to->used[place.slot],
                              atomic_load_explicit(&from->used[at], memory_order_relaxed),
                              memory_order_relaxed);
    }
    to->passed = 0; /* what is still crowded is not made anew for that alone */
}
