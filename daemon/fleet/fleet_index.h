/* SPDX-License-Identifier: Apache-2.0 */
/* Where the newest state of each entry is in the log, by id: 24 bytes each, and 5 to 11 of a hash table.  One thread; while
 * nobody changes it, any number may read it. */
#ifndef JETON_DAEMON_FLEET_FLEET_INDEX_H
#define JETON_DAEMON_FLEET_FLEET_INDEX_H

#include <stdbool.h>

#include "proto/limits.h"
#include "proto/text.h"

struct fleet_index;

struct fleet_indexed {
    uint8_t id[ID_SIZE];
    uint16_t len;    /* of the entry's bytes */
    uint32_t check;  /* fleet_index_check() of them */
    uint64_t offset; /* in the log's file, or wherever they are */
};

/* Make an empty one.  NULL: no memory. */
struct fleet_index *fleet_index_new(void);
void fleet_index_free(struct fleet_index *i);
void fleet_index_clear(struct fleet_index *i);

size_t fleet_index_count(const struct fleet_index *i);

/* Have memory for so many more; false: there is none. */
bool fleet_index_reserve(struct fleet_index *i, size_t more);

/* Note where an entry is, in place of what was noted of its id; memory was reserved for it. */
void fleet_index_put(struct fleet_index *i, const struct fleet_indexed *entry);

/* Find an entry; NULL: it is not there.  Valid until something is changed. */
const struct fleet_indexed *fleet_index_find(const struct fleet_index *i,
                                             const uint8_t id[ID_SIZE]);

/* Return an entry, in no order that means anything. */
const struct fleet_indexed *fleet_index_at(const struct fleet_index *i, size_t at);

/* Return the numbers of all entries, ascending by their ids, to be freed.  NULL: no memory. */
uint32_t *fleet_index_sorted(const struct fleet_index *i);

/* Compute the check of an entry's bytes, against what a disk may make of them. */
uint32_t fleet_index_check(struct slice bytes);

#endif
