/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens and bans that a failed commit may have changed all the same, and the message for those who asked
 * for the changes.  The writer's thread only. */
#ifndef JETON_DAEMON_WRITER_UNCERTAIN_H
#define JETON_DAEMON_WRITER_UNCERTAIN_H

#include "daemon/table/creation_index.h"
#include "daemon/table/subject_index.h"
#include "daemon/table/token_table.h"
#include "daemon/writer/change.h"

struct uncertain {
    bool is_ban;
    bool lapses;                 /* the ban is over, and was to be removed */
    uint8_t digest[DIGEST_SIZE]; /* begins with a token's id */
    int64_t created; /* with the serial: its place in the index, if the commit is done */
    uint64_t serial;
    bool allow; /* the change would end a disable */
};

enum { UNCERTAIN_MAX = 2 + CHANGE_NAMES_MAX }; /* of one change */

/* List the tokens and bans of an applied change; return how many. */
size_t uncertain_of(const struct change *c, struct uncertain list[UNCERTAIN_MAX]);

/* True if the list has this token. */
bool uncertain_contains(const struct uncertain *list, size_t count, const uint8_t id[ID_SIZE]);

/* Bring table and indexes into agreement with the store's record of the token, or its ban.  False: that
 * cannot be read, or there is no memory. */
bool uncertain_resolve(const struct uncertain *u, struct store *store,
                       struct token_table *token_table, struct creation_index *index,
                       struct subject_index *subjects);

/* What became of a batch whose commit failed. */
enum outcome { OUTCOME_NOTHING, OUTCOME_UNCERTAIN, OUTCOME_DONE };

/* Set the problem of one of its changes; `in_force`: it is a denial that stands in memory. */
void uncertain_explain(struct change *c, enum outcome outcome, bool in_force);

#endif
