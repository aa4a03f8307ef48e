/* SPDX-License-Identifier: Apache-2.0 */
/* The token table as it lies in memory, and its reader.
 *
 * The daemon writes a table into a sealed memfd; every reader, in the daemon or in a client
 * process, maps it and looks tokens up with this code.
 *
 *     offset 0             struct table_header
 *     slots_offset         slots of one cache line each
 *     arena_offset         strings: uint16_t length, bytes; a reference is an offset into the
 *                          arena, and reference 0 is the empty string
 *
 * A token lives in the first free slot at or after its home slot, wrapping round.  Readers stop at the first empty
 * slot, and in a table with reaches after those; removed tokens leave a tombstone.  The home slot is the first four
 * bytes of the digest, as a fraction of all slots: digests are hashes, which lie evenly.  But those of a fleet's tokens
 * come from other hosts, and who has broken into one of these chooses them: any number could have their homes close
 * together, and each search there would pass over all of them.  So in a table with a fleet the home slot is a hash of
 * the digest's beginning by a seed of this host, which who may read the table can know, and nobody else.
 *
 * Invariants the writer keeps:
 *   - one writer at a time; `sequence` is odd while a slot changes, and every change adds two;
 *   - a slot that is not a token's (SLOT_BANNED, SLOT_ALIAS) only denies;
 *   - a token that is known by the SHA-256 of its value (SLOT_SHA256) is only in a table of a layout
 *     for that, whose values are looked up by both digests;
 *   - a token of the fleet (SLOT_FLEET) is only in a table of a layout for that, whose readers know
 *     that the fleet's lease bounds what they may answer;
 *   - arena bytes are never changed once a slot refers to them;
 *   - at most TABLE_LOAD_MAX of a hundred slots are in use (tombstones included), so a probe ends soon;
 *   - the reach of a home slot is raised before the token that is farther off is written;
 *   - size, offsets and seals never change: to grow, another table is made and this one's state
 *     becomes TABLE_SUPERSEDED.
 *
 * All integers are in host order: a table never leaves its host. */
#ifndef JETON_PROTO_TABLE_H
#define JETON_PROTO_TABLE_H

#include <stdatomic.h>
#include <stddef.h>

#include "proto/limits.h"
#include "proto/text.h"

#define TABLE_MAGIC UINT64_C(0x31626174656e6f74) /* never to be changed: it identifies the file */
enum { TABLE_HEADER_SIZE = 4096, TABLE_BITS_MIN = 6, TABLE_BITS_MAX = 26, TABLE_LOAD_MAX = 70 };

/* Layout versions.  The second has the same parts, but may have tokens and bans by SHA-256, which a
 * reader that knows only the first could not find: it does not use the table.  The third and the fourth
 * are like these, but `slots` is not a binary logarithm but the number itself, which need not be a power of two, and
 * slots have reaches.  The fifth and the sixth are like these two, but may have tokens of the fleet,
 * have its deadlines in their header, and a seed by which home slots are found. */
enum {
    TABLE_LAYOUT = 1,
    TABLE_LAYOUT_SHA256 = 2,
    TABLE_LAYOUT_ANY_SIZE = 3,
    TABLE_LAYOUT_ANY_SIZE_SHA256 = 4,
    TABLE_LAYOUT_FLEET = 5,
    TABLE_LAYOUT_FLEET_SHA256 = 6
};

enum table_state { TABLE_LIVE = 1, TABLE_SUPERSEDED = 2, TABLE_CLOSED = 3 };

/* Bits in a slot's flags.  A slot without any was never used. */
enum {
    SLOT_PRESENT = 1,
    SLOT_TOMBSTONE = 2,
    SLOT_DISABLED = 4,
    SLOT_REVOKED = 8,
    SLOT_BANNED = 16, /* not a token but a ban, of any name of a credential; always with REVOKED */
    SLOT_ALIAS = 32,  /* not a token but its other name: the slot has the token's first bytes */
    SLOT_SHA256 = 64, /* a token whose digest is the SHA-256 of its value */
    SLOT_FLEET = 128, /* a token of the fleet */
    SLOT_NO_TOKEN = SLOT_BANNED | SLOT_ALIAS,
};

/* The upper bits of a slot's flags are its reach: how many slots after it those can be that have it as
 * their home.  SLOT_REACH_MAX: any number. */
#define SLOT_REACH_BITS UINT32_C(0xff000000)
enum { SLOT_REACH_SHIFT = 24, SLOT_REACH_MAX = 255 };

/* An alias keeps the first bytes of its token's digest in `activates`, `expires`, and both
 * references. */
enum { ALIAS_TARGET = 24 };

#define TIME_ALWAYS INT64_C(0) /* activates: always */
#define TIME_NEVER INT64_MAX   /* expires: never */

/* Until when a table with a fleet tells how things are, in nanoseconds of a clock. */
struct table_deadlines {
    _Atomic int64_t until; /* what is unknown here is unknown until then */
    _Atomic int64_t
        keep; /* tokens of the fleet are what their slots say until then, which is no earlier */
};

struct table_header {
    uint64_t magic;
    uint32_t layout;
    uint32_t slots; /* how many; in the first two layouts, its binary logarithm */
    uint64_t slots_offset;
    uint64_t arena_offset;
    uint64_t arena_size;
    uint64_t total_size;
    uint64_t generation;         /* number of this table among those of this daemon, from 1 */
    char prefix[PREFIX_MAX + 1]; /* prefix of our values; NUL-terminated */
    uint64_t seed[2];            /* of a table with a fleet: random and odd; else nothing */
    /* The part that changes, on a cache line of its own. */
    _Alignas(64) _Atomic int64_t lease; /* CLOCK_MONOTONIC nanoseconds until which it may be used */
    _Atomic uint32_t state;             /* enum table_state */
    _Atomic int64_t
        not_before; /* seconds since 1970: judge by this time while the clock is behind */
    /* The daemon was granted those by CLOCK_BOOTTIME.  From them it computes the others with each renewal of
     * the lease, as the clocks part while the machine sleeps; a little earlier, as readers have a clock in
     * steps of some milliseconds. */
    struct table_deadlines monotonic;
    struct table_deadlines boottime;
};

/* Nanoseconds that the fleet's deadlines are ahead at most: a reader does not believe a longer one. */
#define TABLE_FLEET_UNTIL_MAX INT64_C(3600000000000)    /* an hour */
#define TABLE_FLEET_KEEP_MAX INT64_C(31622400000000000) /* 366 days */

struct table_slot {
    _Alignas(64) _Atomic uint32_t sequence;
    _Atomic uint32_t flags;
    _Atomic uint64_t digest[DIGEST_SIZE / 8];
    _Atomic int64_t activates;
    _Atomic int64_t expires;
    _Atomic uint32_t scopes;
    _Atomic uint32_t subject;
};

_Static_assert(sizeof(struct table_slot) == 64, "a slot is one cache line");
_Static_assert(sizeof(struct table_header) <= TABLE_HEADER_SIZE, "the header fits its page");
_Static_assert(sizeof(struct table_header) - offsetof(struct table_header, lease) == 64,
               "what changes is one cache line");
_Static_assert(offsetof(struct table_header, lease) == 128, "older libraries find it there");

/* A checked table.  Readers use this copy of the header's fields, since the mapping may change. */
struct table {
    const struct table_header *header;
    const struct table_slot *slots;
    const char *arena;
    uint64_t arena_size;
    uint64_t total_size;
    uint32_t slot_count;
    bool has_sha256;                         /* of a layout that may have tokens by SHA-256 */
    bool has_fleet;                          /* of a layout that may have tokens of the fleet */
    bool is_special;                         /* either of these */
    bool has_reaches;                        /* of a layout whose slots have reaches */
    const struct table_deadlines *deadlines; /* by CLOCK_MONOTONIC; NULL: it has no fleet */
    uint64_t seed[2];                        /* if it has a fleet */
    char prefix[PREFIX_MAX + 1];
};

/* A slot's contents, copied out whole. */
struct table_entry {
    uint32_t slot;
    uint32_t flags;
    int64_t activates;
    int64_t expires;
    uint32_t scopes;
    uint32_t subject;
};

enum table_found {
    TABLE_MISS,
    TABLE_HIT,
    TABLE_TORN, /* the writer changed the slot at every try */
};

/* Check a mapping of `size` bytes and fill `table`.  Return NULL, or what is wrong with the
 * mapping.  Trust nothing: check every offset and bound against the size. */
const char *table_attach(struct table *table, const void *mapping, uint64_t size);

/* Set what the layout of a table says of it: the members from has_sha256 to `seed`. */
void table_set_layout(struct table *table, uint32_t layout);

/* Return the size in bytes of the whole table with these dimensions. */
uint64_t table_size(uint32_t slot_count, uint64_t arena_size);

/* Return the number of slots by a header's fields; 0: it is impossible. */
uint32_t table_slot_count(uint32_t layout, uint32_t slots);

/* The home slot in a table without a fleet. */
static inline uint32_t table_home_plain(uint32_t slot_count, const uint8_t *digest)
{
    uint32_t leading = (uint32_t)digest[0] << 24 | (uint32_t)digest[1] << 16 |
                       (uint32_t)digest[2] << 8 | digest[3];

    return (uint32_t)((uint64_t)leading * slot_count >> 32);
}

/* The home slot in a table with a fleet.  All bytes of the id count, as tokens may differ in any of them.  One
 * multiplication would not do: it takes equal steps to equal steps, which may all lead to few places.  Nor does
 * another one do where only the upper bits differ, so each byte is a lower one in one of the two words. */
static inline uint32_t table_home_seeded(const struct table *t, const uint8_t *digest)
{
    uint64_t first, last;

    memcpy(&first, digest, sizeof(first));
    memcpy(&last, digest + ID_SIZE - sizeof(last), sizeof(last));
    uint64_t hash = first * t->seed[0] + __builtin_bswap64(last) * t->seed[1];
    hash = (hash ^ hash >> 32) * t->seed[0];
    return (uint32_t)((hash >> 32) * t->slot_count >> 32);
}

/* Return the slot where the search for a digest (or for an id: its first ID_SIZE bytes) begins. */
static inline __attribute__((always_inline)) uint32_t table_home(const struct table *t,
                                                                 const uint8_t *digest)
{
    if (__builtin_expect(t->has_fleet, false))
        return table_home_seeded(t, digest);
    return table_home_plain(t->slot_count, digest);
}

/* Prefetch a digest's home slot and the next two, as a third of the tokens are not in their home slot,
 * and a sixth not in the next one either.  Always inline: the compiler would drop the call of a
 * function without effects. */
static inline __attribute__((always_inline)) void table_prefetch(const struct table *t,
                                                                 uint32_t home)
{
    const struct table_slot *slot = &t->slots[home];

    __builtin_prefetch(slot);
    __builtin_prefetch(slot + 1);
    __builtin_prefetch(slot + 2);
}

/* In two steps, for whoever has other work between: the home slot; and when that has arrived, the next two if
 * another token has it, as is less likely.  No branch, which could not be predicted. */
static inline __attribute__((always_inline)) void table_prefetch_home(const struct table *t,
                                                                      uint32_t home)
{
    __builtin_prefetch(&t->slots[home]);
}

static inline __attribute__((always_inline)) void table_prefetch_rest(const struct table *t,
                                                                      uint32_t home,
                                                                      const uint8_t *digest)
{
    const struct table_slot *slot = &t->slots[home];
    uint64_t first;

    memcpy(&first, digest, sizeof(first));
    size_t away = atomic_load_explicit(&slot->digest[0], memory_order_relaxed) != first;
    __builtin_prefetch(slot + away);
    __builtin_prefetch(slot + 2 * away);
}

/* Look a digest up.  Compare whole digests in constant time.  Never block: after a bounded number
 * of tries against a writer, answer TABLE_TORN.  Any number of threads. */
enum table_found table_find(const struct table *t, const uint8_t digest[DIGEST_SIZE],
                            struct table_entry *entry);

/* The same for whoever has prefetched, and so has the digest's table_home() of this table. */
enum table_found table_find_from(const struct table *t, uint32_t home,
                                 const uint8_t digest[DIGEST_SIZE], struct table_entry *entry);

/* Look up another name of a credential, whose digest is given; an alias is followed to its token.
 * As table_find(), but a hit denies unless its state is active. */
enum table_found table_find_name(const struct table *t, const uint8_t digest[DIGEST_SIZE],
                                 struct table_entry *entry);

/* Follow a reference into the arena; false if it does not point at a whole string. */
bool table_string(const struct table *t, uint32_t reference, struct slice *string);

#endif
