/* SPDX-License-Identifier: Apache-2.0 */
/* The tokens in the order of their creation, for listing.  The writer's thread only.
 *
 * Sorted by (created, serial).  Nearly everything arrives in that order; what does not (an import
 * with an older date) waits in an unsorted tail that is merged when somebody next reads.  A
 * reader's place is a (created, serial) pair, never an index, so it survives every change. */
#ifndef JETON_ORDER_H
#define JETON_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/limits.h"

struct order_entry {
    int64_t created;
    uint64_t serial;
    uint8_t id[ID_SIZE];
    bool removed;
};

struct order {
    struct order_entry *entry;
    size_t count;
    size_t room;
    size_t sorted;              /* entries before this one are in order */
    size_t removed;
};

void order_free(struct order *o);

/* Makes sure that `count` more can be added; 0 or -ENOMEM. */
int order_reserve(struct order *o, size_t count);

/* Adds a token; there must be room. */
void order_add(struct order *o, int64_t created, uint64_t serial, const uint8_t id[ID_SIZE]);

/* Takes a token out; does nothing if it is not there. */
void order_remove(struct order *o, int64_t created, uint64_t serial);

/* The index of the first entry after this place.  Entries from there to `count` are in order, and
 * some of them may be `removed`; good until the next change. */
size_t order_after(struct order *o, int64_t created, uint64_t serial);

#endif
