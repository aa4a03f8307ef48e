/* SPDX-License-Identifier: Apache-2.0 */
/* What a commit that failed may have changed all the same, and what its senders are told.
 * The writer's thread only. */
#ifndef JETON_DOUBT_H
#define JETON_DOUBT_H

#include "daemon/writer/change.h"
#include "daemon/table/creation_index.h"
#include "daemon/table/token_table.h"

struct doubt {
    uint8_t id[ID_SIZE];
    int64_t created;            /* its place in the order, if the commit is done */
    uint64_t serial;
    bool allow;                 /* it would end a disable */
};

/* Of a change that was decided: one, or two; returns how many. */
size_t doubt_of(const struct change *c, struct doubt doubt[2]);

/* True if one of them is about this token. */
bool doubt_among(const struct doubt *doubt, size_t count, const uint8_t id[ID_SIZE]);

/* Makes table and order say what the store says of the token; false: that cannot be read, or
 * there is no memory. */
bool doubt_settle(const struct doubt *d, struct store *store, struct publisher *publisher,
                  struct order *order);

/* What became of a batch whose commit failed. */
enum outcome { OUTCOME_NOTHING, OUTCOME_UNCERTAIN, OUTCOME_DONE };

/* Words the problem of one of its changes; `in_force`: it is a denial that stands in memory. */
void doubt_explain(struct change *c, enum outcome outcome, bool in_force);

#endif
