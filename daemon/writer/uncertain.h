/* SPDX-License-Identifier: Apache-2.0 */
/* What a commit that failed may have changed all the same, and what its senders are told.
 * The writer's thread only. */
#ifndef JETON_DAEMON_WRITER_UNCERTAIN_H
#define JETON_DAEMON_WRITER_UNCERTAIN_H

#include "daemon/writer/change.h"
#include "daemon/table/creation_index.h"
#include "daemon/table/token_table.h"

struct uncertain {
    uint8_t id[ID_SIZE];
    int64_t created; /* its place in the index, if the commit is done */
    uint64_t serial;
    bool allow; /* it would end a disable */
};

/* Of a change that was decided: one, or two; returns how many. */
size_t uncertain_of(const struct change *c, struct uncertain list[2]);

/* True if one of them is about this token. */
bool uncertain_contains(const struct uncertain *list, size_t count, const uint8_t id[ID_SIZE]);

/* Makes table and index say what the store says of the token; false: that cannot be read, or
 * there is no memory. */
bool uncertain_resolve(const struct uncertain *u, struct store *store,
                       struct token_table *token_table, struct creation_index *index);

/* What became of a batch whose commit failed. */
enum outcome { OUTCOME_NOTHING, OUTCOME_UNCERTAIN, OUTCOME_DONE };

/* Words the problem of one of its changes; `in_force`: it is a denial that stands in memory. */
void uncertain_explain(struct change *c, enum outcome outcome, bool in_force);

#endif
