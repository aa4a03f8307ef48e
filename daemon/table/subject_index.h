/* SPDX-License-Identifier: Apache-2.0 */
/* Find the tokens of a subject, in the order of their creation, without a walk over all.  The writer's
 * thread only.
 *
 * It is built when it is first needed, from creation index and table, and then kept: a host on which
 * nobody asks by subject has none.  Subjects are distinguished by a keyed hash of 64 bits, so whoever reads
 * a token that was found looks at its subject.
 *
 * Like the creation index it is sorted but for a tail.  The tail is sorted for each look-up, and merged
 * when it is long, so that adding costs a logarithm of the number of tokens on average. */
#ifndef JETON_DAEMON_TABLE_SUBJECT_INDEX_H
#define JETON_DAEMON_TABLE_SUBJECT_INDEX_H

#include <sodium.h>

#include "daemon/table/creation_index.h"
#include "daemon/table/token_table.h"

struct subject_entry {
    uint64_t subject; /* hash */
    int64_t created;
    uint64_t serial;
    uint8_t id[ID_SIZE];
    bool removed;
};

/* All zeros: it is not built. */
struct subject_index {
    bool built;
    uint8_t key[crypto_shorthash_KEYBYTES];
    struct subject_entry *entry;
    size_t count, capacity;
    size_t sorted; /* entries before this one are in order */
    size_t tail;   /* from `sorted` to here likewise */
    size_t removed;
};

/* Build it, if it is not.  False: no memory. */
bool subject_index_build(struct subject_index *index, const struct creation_index *creation,
                         struct token_table *token_table);

/* Free it; it may be built again. */
void subject_index_forget(struct subject_index *index);

/* -- nothing happens while it is not built ---------------------------------------------------- */

/* Reserve memory for `count` more tokens.  False: there is none. */
bool subject_index_reserve(struct subject_index *index, size_t count);

/* Add a token, for which memory must have been reserved. */
void subject_index_add(struct subject_index *index, struct slice subject, int64_t created,
                       uint64_t serial, const uint8_t id[ID_SIZE]);

/* Remove a token, by the subject that it has in the table; do nothing if it is not there. */
void subject_index_remove(struct subject_index *index, struct token_table *token_table,
                          const uint8_t id[ID_SIZE], int64_t created, uint64_t serial);

/* Find the first token of a subject that was created after this place.  False: there is none. */
bool subject_index_next(struct subject_index *index, struct slice subject, int64_t created,
                        uint64_t serial, struct creation_entry *found);

/* Return how many tokens a subject has; `most` if there are more. */
uint64_t subject_index_count(struct subject_index *index, struct slice subject, uint64_t most);

#endif
