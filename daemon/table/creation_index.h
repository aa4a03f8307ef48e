/* SPDX-License-Identifier: Apache-2.0 */
/* Keep the tokens in the order of their creation, for listing.  The writer's thread only.
 *
 * Sorted by (created, serial).  Nearly everything arrives in that order; what does not (an
 * import with an older date) stays in an unsorted tail until the next listing merges it.  A list
 * remembers its place as a (created, serial) pair, never as a position, so that it survives
 * every change. */
#ifndef JETON_DAEMON_TABLE_CREATION_INDEX_H
#define JETON_DAEMON_TABLE_CREATION_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/limits.h"

/* Packed, as there is one for each token: times end at STAMP_MAX, and serials at INT64_MAX. */
struct __attribute__((packed)) creation_entry {
    uint64_t serial : 63;
    bool removed : 1;
    int64_t created : 40;
    uint8_t id[ID_SIZE];
    uid_t by; /* who created or imported it */
};

struct creation_index {
    struct creation_entry *entry;
    size_t count;
    size_t capacity;
    size_t sorted; /* entries before this one are in order */
    size_t removed;
};

void creation_index_free(struct creation_index *index);

/* Reserve memory for `count` more tokens; 0 or -ENOMEM. */
int creation_index_reserve(struct creation_index *index, size_t count);

/* Add a token, for which memory must have been reserved. */
void creation_index_add(struct creation_index *index, int64_t created, uint64_t serial,
                        const uint8_t id[ID_SIZE], uid_t by);

/* Find out whether a token is there. */
bool creation_index_has(struct creation_index *index, int64_t created, uint64_t serial);

/* Change who created a token; do nothing if it is not there. */
void creation_index_set_by(struct creation_index *index, int64_t created, uint64_t serial,
                           uid_t by);

/* Remove a token; do nothing if it is not there. */
void creation_index_remove(struct creation_index *index, int64_t created, uint64_t serial);

/* Return the position of the first entry after this place.  Entries from there to `count` are in
 * order, and some of them may be `removed`; valid until the next change. */
size_t creation_index_after(struct creation_index *index, int64_t created, uint64_t serial);

/* Return how many entries there are before this place; they are in order, likewise. */
size_t creation_index_before(struct creation_index *index, int64_t created, uint64_t serial);

#endif
