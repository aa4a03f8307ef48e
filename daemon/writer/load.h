/* SPDX-License-Identifier: Apache-2.0 */
/* Read a store as a start does: the journal, and all tokens into a new table and creation index,
 * before there is any reader. */
#ifndef JETON_DAEMON_WRITER_LOAD_H
#define JETON_DAEMON_WRITER_LOAD_H

#include "daemon/store/store.h"
#include "daemon/table/creation_index.h"
#include "daemon/table/token_table.h"

/* Load the store into a journal and an index that are empty, and into a new *token_table, which is
 * NULL before and the caller's to free whatever the result; *bans is how many
 * bans it has.  False: *problem says why. */
bool load_store(struct store *store, const char *prefix, struct journal *journal,
                struct token_table **token_table, struct creation_index *index, uint64_t *bans,
                struct problem *problem);

#endif
