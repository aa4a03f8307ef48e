/* SPDX-License-Identifier: Apache-2.0 */
/* What a simulated host keeps of the changes that it was given: its place, the last places before it, and the sum
 * (exclusive or) of all nonces and digests since it began, from which the database's own tells whether one was lost,
 * given twice, cut, or never there.  No I/O. */
#ifndef JETON_TESTS_FLEET_HISTORY_H
#define JETON_TESTS_FLEET_HISTORY_H

#include <stdbool.h>

#include "proto/fleet.h"

enum { HISTORY_KEPT = 1024 };

struct history_sum {
    uint64_t word[2];
};

struct history {
    struct fleet_place base; /* where it began: a snapshot, or the newest place of then */
    struct fleet_place place;
    struct history_sum sum; /* of what is behind the base */
    uint64_t first, end;    /* of what is kept: entry i is kept[i % HISTORY_KEPT] */
    struct history_entry {
        struct fleet_place place;
        struct history_sum sum; /* of this change alone */
        int64_t at;             /* when it was given, in nanoseconds */
    } kept[HISTORY_KEPT];
};

/* Begin at a place. */
void history_begin(struct history *h, const struct fleet_place *base, int64_t now);

/* Return the sum of one change: of its nonce, and of its digests. */
struct history_sum history_sum(const struct fleet_place *place, struct slice digests);

/* Add another one, or take it out again. */
static inline void history_sum_add(struct history_sum *to, const struct history_sum *sum)
{
    to->word[0] ^= sum->word[0];
    to->word[1] ^= sum->word[1];
}

/* Take the next change.  False: its serial is not the next one. */
bool history_add(struct history *h, const struct fleet_place *next, struct slice digests,
                 int64_t now);

/* Go back to an entry that is kept. */
void history_rewind(struct history *h, uint64_t entry);

const struct history_entry *history_entry(const struct history *h, uint64_t entry);

/* Return when a change with this serial or a later one was given; 0: not yet, or not known any more. */
int64_t history_reached(const struct history *h, uint64_t serial);

#endif
