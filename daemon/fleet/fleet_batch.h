/* SPDX-License-Identifier: Apache-2.0 */
/* A batch of the log: what it has, as bytes, while it is staged and when it is read.  One thread.
 *
 *     batch = *item              item = kind (8 bits), length (16 bits), so many bytes; numbers little-endian
 *
 *     1 entry     its bytes (fleet_entry_format.h), in place of what there was of its id
 *     2 unsent    a denial that the database does not know: number (64), digest, event (8), by (32), time (64);
 *                 events: 0 revoke, 1 disable, 2 delete, 3 the token ends at this time, whose successor is there
 *     3 sent      the number of one that need not be sent any more
 *     4 place     the host is there: serial (64), nonce
 *     5 rewind    it went back there
 *
 * A large one is saved as pieces, the last of which has the place: if the rest is lost, what the pieces had
 * comes again by the feed. */
#ifndef JETON_DAEMON_FLEET_FLEET_BATCH_H
#define JETON_DAEMON_FLEET_FLEET_BATCH_H

#include "daemon/fleet/fleet_entry_format.h"
#include "daemon/fleet/fleet_index.h"
#include "daemon/fleet/fleet_unsent.h"
#include "proto/fleet.h"

enum {
    FLEET_ITEM_HEAD = 3,
    FLEET_ITEM_MAX = FLEET_ITEM_HEAD + FLEET_ENTRY_MAX,
    FLEET_PLACE_BYTES = 8 + FLEET_NONCE_SIZE,
    FLEET_UNSENT_BYTES = 8 + DIGEST_SIZE + 1 + 4 + 8,
};

enum fleet_item_kind {
    FLEET_ITEM_ENTRY = 1,
    FLEET_ITEM_UNSENT,
    FLEET_ITEM_SENT,
    FLEET_ITEM_PLACE,
    FLEET_ITEM_REWIND,
};

struct fleet_item {
    enum fleet_item_kind kind;
    struct slice bytes; /* of an entry, not checked beyond its length */
    uint64_t number;    /* sent */
    struct fleet_unsent unsent;
    struct fleet_place place; /* also of a rewind */
};

/* Take the next item; false: there is none, and what is left, if anything, is none. */
bool fleet_item_take(struct slice *rest, struct fleet_item *item);

struct fleet_batch {
    char *bytes;
    size_t len;
    size_t capacity;
    size_t entries, unsent; /* how many items */
};

void fleet_batch_free(struct fleet_batch *b);

/* Empty it; the memory of a large one is given back. */
void fleet_batch_clear(struct fleet_batch *b);

/* Add an item.  False: no memory. */
bool fleet_batch_entry(struct fleet_batch *b, const struct fleet_entry *entry);
bool fleet_batch_unsent(struct fleet_batch *b, const struct fleet_unsent *denial);
bool fleet_batch_sent(struct fleet_batch *b, uint64_t number);
bool fleet_batch_place(struct fleet_batch *b, enum fleet_item_kind kind,
                       const struct fleet_place *place);

/* Take a piece of whole items, at most `max` bytes (at least FLEET_ITEM_MAX), from *at on; false at the end. */
bool fleet_batch_piece(const struct fleet_batch *b, size_t *at, size_t max, struct slice *piece);

/* Places and denials, as they are in snapshots too. */
void fleet_place_encode(char at[FLEET_PLACE_BYTES], const struct fleet_place *place);
void fleet_place_decode(const char at[FLEET_PLACE_BYTES], struct fleet_place *place);
void fleet_unsent_encode(char at[FLEET_UNSENT_BYTES], const struct fleet_unsent *denial);
bool fleet_unsent_decode(const char at[FLEET_UNSENT_BYTES], struct fleet_unsent *denial);

#endif
