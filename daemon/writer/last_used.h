/* SPDX-License-Identifier: Apache-2.0 */
/* Keep the time of each token's last use in a TDB of its own beside the store.  The writer's thread
 * only.
 *
 * Coarse by contract: the table notes uses by the minute in memory, and once a minute what
 * changed is written, without fsync, in small steps.  A damaged file is replaced by an empty
 * one. */
#ifndef JETON_DAEMON_WRITER_LAST_USED_H
#define JETON_DAEMON_WRITER_LAST_USED_H

#include "daemon/table/token_table.h"

struct last_used;

/* Open the file, which is `store`.used; `store` is the store's path.  NULL: no memory.  A file that
 * cannot be opened is only a warning: times of last use are then lost at a restart. */
struct last_used *last_used_open(const char *store);
void last_used_close(struct last_used *l);

/* Return the time of last use, `in_memory` or else from the file; 0: unknown. */
int64_t last_used_get(struct last_used *l, const uint8_t id[ID_SIZE], int64_t in_memory);

/* Read a part of the file into the table, so that many times need not be looked up one by one; false:
 * there is more. */
bool last_used_load(struct last_used *l, struct token_table *t);

/* Note that a token was used at this time, unless a later use of it is known. */
void last_used_note(struct last_used *l, struct token_table *t, const uint8_t id[ID_SIZE],
                    int64_t time);

void last_used_remove(struct last_used *l, const uint8_t id[ID_SIZE]);

/* Write some of what changed.  Called about every second. */
void last_used_step(struct last_used *l, struct token_table *t, int64_t now);

/* Note in the file a time that the clock surely had, and return the one noted last; 0: none. */
void last_used_note_clock(struct last_used *l, int64_t time);
int64_t last_used_clock(const struct last_used *l);

/* Records of others in the same file (refused.h), whose keys are longer than ours.  Read one of just
 * this size; false: there is none.  Changes are made between begin and commit, but a deletion anywhere;
 * commit with `ok` false undoes them. */
bool last_used_fetch(struct last_used *l, struct slice key, void *value, size_t size);
bool last_used_begin(struct last_used *l);
bool last_used_put(struct last_used *l, struct slice key, const void *value, size_t size);
bool last_used_commit(struct last_used *l, bool ok);
void last_used_delete(struct last_used *l, struct slice key);

/* Write everything that changed. */
void last_used_flush(struct last_used *l, struct token_table *t, int64_t now);

#endif
