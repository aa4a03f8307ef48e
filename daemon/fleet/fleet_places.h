/* SPDX-License-Identifier: Apache-2.0 */
/* The last places of a host in the sequence of the fleet's changes, in ascending order of serials.  One
 * thread. */
#ifndef JETON_DAEMON_FLEET_FLEET_PLACES_H
#define JETON_DAEMON_FLEET_FLEET_PLACES_H

#include "proto/fleet.h"

enum { FLEET_PLACES_MAX = 100000 };

/* A ring, whose memory is all mapped when it is made: what was not used takes none. */
struct fleet_places {
    struct fleet_place *ring;
    size_t capacity;
    size_t start; /* of the oldest */
    size_t count;
};

/* Make an empty one; false: no memory. */
bool fleet_places_init(struct fleet_places *p);
void fleet_places_free(struct fleet_places *p);
void fleet_places_clear(struct fleet_places *p);

/* Make `to`, which was made, the same as `from`. */
void fleet_places_copy(struct fleet_places *to, const struct fleet_places *from);

/* Go to a place, which has a serial.  Places with the same or a greater one are forgotten: they are in no
 * history that has this one.  The oldest goes when there are too many. */
void fleet_places_push(struct fleet_places *p, const struct fleet_place *place);

/* Forget all that come after a place; false: it is not there, and nothing was changed. */
bool fleet_places_rewind(struct fleet_places *p, const struct fleet_place *place);
bool fleet_places_has(const struct fleet_places *p, const struct fleet_place *place);

/* Return a place, counted from the oldest. */
const struct fleet_place *fleet_places_at(const struct fleet_places *p, size_t at);

/* Return how many have a serial below this one. */
size_t fleet_places_below(const struct fleet_places *p, uint64_t serial);

/* Return the newest, or none. */
struct fleet_place fleet_places_newest(const struct fleet_places *p);

#endif
