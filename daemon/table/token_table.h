/* SPDX-License-Identifier: Apache-2.0 */
/* The writer's half of the table: makes it, changes it, hands it out.
 *
 * Threads.  Changes are made one at a time under a mutex that is never held across I/O, so that a
 * denial takes effect even while the disk hangs.  Verifying threads take no lock: each enters with
 * its reader number, uses the table it got, and leaves; a table that was replaced is unmapped only
 * when no reader is inside it.
 *
 * Denials are sticky: publishing a record adds REVOKED and DISABLED to a slot but never takes them
 * away; only token_table_allow() ends a disable.  So what was denied in memory stays denied, whatever
 * the disk says. */
#ifndef JETON_DAEMON_TABLE_TOKEN_TABLE_H
#define JETON_DAEMON_TABLE_TOKEN_TABLE_H

#include "daemon/table/pending_deny.h"
#include "daemon/store/record.h"
#include "proto/verdict.h"

enum { TOKEN_TABLE_READERS_MAX = 65 };

struct token_table;

struct token_table_figures {
    uint64_t tokens;
    uint64_t slots;
    uint64_t bytes;
    uint64_t generation;
};

/* An empty table for at least `tokens` tokens.  NULL and errno on failure. */
struct token_table *token_table_new(const char *prefix, uint64_t tokens);
void token_table_free(struct token_table *t);

/* Whether `tokens` more tokens whose strings take `bytes` fit. */
bool token_table_can_add(struct token_table *t, uint64_t tokens, uint64_t bytes);

/* Makes room for `tokens` more tokens whose strings take `bytes`: what follows cannot then fail.
 * 0 or -errno. */
int token_table_reserve(struct token_table *t, uint64_t tokens, uint64_t bytes);

/* Replaces the table by one that says the same, so that all who have it ask for it again.  Room that
 * was reserved stays.  0 or -errno. */
int token_table_recall(struct token_table *t);

/* Adds the token, or changes what the table says of it.  Room must have been reserved. */
void token_table_put(struct token_table *t, const struct record *record);

/* The same for some at once. */
void token_table_put_all(struct token_table *t, const struct record *records, size_t count);

void token_table_remove(struct token_table *t, const uint8_t id[ID_SIZE]);

/* Sets SLOT_REVOKED or SLOT_DISABLED at once; false if there is no such token.  With an pending that
 * stands until token_table_deny_end(), whatever is allowed in between: what allows was asked for before,
 * as one writer answers in the order in which it was asked. */
bool token_table_deny(struct token_table *t, const uint8_t id[ID_SIZE], uint32_t flag,
                      struct pending_deny *pending);
void token_table_deny_end(struct token_table *t, struct pending_deny *pending);

/* Ends a disable, unless another is intended. */
void token_table_allow(struct token_table *t, const uint8_t id[ID_SIZE]);

/* The slot's flags (0: no such token), its whole digest and the time of its last use (0: none). */
uint32_t token_table_look(struct token_table *t, const uint8_t id[ID_SIZE],
                          uint8_t digest[DIGEST_SIZE], int64_t *used);

enum { TOKEN_TABLE_LEASE_SECONDS = 5 };

/* Renews the lease; called every second by a thread that never touches the disk. */
void token_table_renew(struct token_table *t);

/* Moves some more of the table into huge pages, so that looking tokens up takes less; false: it is
 * done with that.  Of one thread only, which may wait for some milliseconds. */
bool token_table_collapse(struct token_table *t);

/* From now on clients do not trust the table. */
void token_table_close(struct token_table *t);

/* A new read-only descriptor of the current table, to be sent and closed; -errno. */
int token_table_descriptor(struct token_table *t, uint64_t *size, uint64_t *generation);

struct token_table_figures token_table_figures(struct token_table *t);

/* Between these two a reader may use the table it was given.  `reader` < TOKEN_TABLE_READERS_MAX is
 * that thread's own number. */
const struct generation *token_table_enter(struct token_table *t, unsigned reader);
void token_table_leave(struct token_table *t, unsigned reader);

/* The table of the generation entered. */
const struct table *token_table_table(const struct generation *g);

/* Notes that the token in a slot was used; coarse: about a minute. */
void token_table_touch(const struct generation *g, uint32_t slot, int64_t now);

/* The same by id, for a token that is active; does nothing for any other. */
void token_table_touch_id(struct token_table *t, const uint8_t id[ID_SIZE], int64_t now);

/* The current table as it is: no change is made until it is released. */
const struct generation *token_table_lock(struct token_table *t);
void token_table_unlock(struct token_table *t);

/* Waits until the change that is being made is made: then nothing reads torn for now. */
void token_table_await_change(struct token_table *t);

#endif
