/* SPDX-License-Identifier: Apache-2.0 */
/* One generation of the table, in a memfd: slots, strings, and what only the daemon keeps beside
 * them.  The token table's mutex guards every call; `used` alone is written by verifying
 * threads. */
#ifndef JETON_DAEMON_TABLE_GENERATION_H
#define JETON_DAEMON_TABLE_GENERATION_H

#include "daemon/store/record.h"
#include "daemon/table/string_table.h"
#include "proto/table.h"

struct generation {
    struct table table;
    struct table_header *header; /* the same memory, writable */
    struct table_slot *slots;
    int fd; /* of the memfd, opened for writing; never leaves the daemon */
    uint64_t number;
    _Atomic uint64_t present;   /* any thread reads it, and the next */
    _Atomic uint64_t no_tokens; /* of these, slots that only deny: bans and aliases */
    uint64_t occupied;          /* present and tombstones */
    bool wants_sha256;          /* its copy is to have a layout for that */
    bool wants_fleet;           /* likewise */
    bool wants_seed;            /* ... another seed */
    uint64_t passed;            /* slots passed over by what is beyond all reach of its home slot */
    struct string_table strings;
    _Atomic uint32_t *used; /* last use of the token in each slot, seconds since 1970 */
    struct {
        size_t slots;
        size_t used;
    } collapsed; /* bytes done; of the thread that collapses, without the mutex */
    struct generation *next_retired;
};

/* The contents of a slot, without its sequence. */
struct slot_values {
    uint64_t digest[DIGEST_SIZE / 8];
    uint32_t flags;
    uint32_t scopes;
    uint32_t subject;
    int64_t activates;
    int64_t expires;
};

/* The slot in which a token is, or would be put. */
struct place {
    uint32_t slot;
    bool found;
    bool was_tombstone;
};

/* Make an empty table; NULL and errno on failure.  If the number of slots is a power of two, readers of the
 * first layouts can use it, too. */
struct generation *generation_new(const char *prefix, uint64_t number, uint32_t slot_count,
                                  uint64_t arena_size);
void generation_free(struct generation *g);

/* Move a piece of it into a huge page: see token_table_collapse(). */
bool generation_collapse(struct generation *g);

/* True if `tokens` more, with `bytes` of strings in all, are certain to fit. */
bool generation_can_add(const struct generation *g, uint64_t tokens, uint64_t bytes);

/* True if so much is far from its home slot that making the table anew by another seed is worth its
 * time: by chance that does not happen. */
bool generation_is_crowded(const struct generation *g);

/* Prefetch what a verification will look at.  Inline for the same reason as table_prefetch(). */
static inline __attribute__((always_inline)) void generation_prefetch(const struct generation *g,
                                                                      const uint8_t *digest)
{
    uint32_t home = table_home(&g->table, digest);

    table_prefetch(&g->table, home);
    __builtin_prefetch((const void *)&g->used[home]);
}

/* The same, as the first of two steps: see table_prefetch_home(); the second is table_prefetch_rest(). */
static inline __attribute__((always_inline)) void generation_prefetch_home(
    const struct generation *g, uint32_t home)
{
    table_prefetch_home(&g->table, home);
    __builtin_prefetch((const void *)&g->used[home]);
}

/* Find a token's slot by its id; or the slot of anything with this whole digest. */
struct place generation_place(const struct generation *g, const uint8_t id[ID_SIZE]);
struct place generation_place_name(const struct generation *g, const uint8_t digest[DIGEST_SIZE]);
struct slot_values generation_read(const struct generation *g, uint32_t slot);

/* Return the first bytes of the digest of the token that an alias leads to. */
void generation_alias_target(const struct slot_values *alias, uint8_t target[ALIAS_TARGET]);

/* Write the slot under its sequence, and count what is present. */
void generation_write(struct generation *g, struct place place, const struct slot_values *values);

/* Open a read-only descriptor of the table; -errno.  Any thread. */
int generation_open(const struct generation *g);

/* Add or change a token, and its alias; they must be certain to fit. */
void generation_put(struct generation *g, const struct record *record);

/* Copy every token, with its last use, and its alias into a table where all fit, and that nobody has
 * seen; `bans`: those too.  It gets the layout and the seed that the other has or wants, and the fleet's
 * lease. */
void generation_copy(struct generation *to, const struct generation *from, bool bans);

#endif
