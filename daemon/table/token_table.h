/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's half of the table: make it, change it, hand it out.
 *
 * Threads: changes are made one at a time under a mutex that is never held across I/O, so that a
 * denial takes effect even while the disk hangs.  Verifying threads take no lock: each enters with
 * its reader number, uses the table it got, and leaves; a table that was replaced is unmapped only
 * when no reader uses it any more.
 *
 * Denials are sticky: publishing a record adds REVOKED and DISABLED to a slot but never takes
 * them away; only token_table_allow() ends a disable.  So what was denied in memory stays
 * denied, whatever the store has.
 *
 * Beside the tokens it can have bans, which deny a credential by any of its names and are no
 * tokens: they are not counted, listed or found by an id.  They are kept only while some stack has a
 * verifier that could pass what they deny. */
#ifndef JETON_DAEMON_TABLE_TOKEN_TABLE_H
#define JETON_DAEMON_TABLE_TOKEN_TABLE_H

#include "daemon/store/record.h"
#include "daemon/table/pending_deny.h"
#include "proto/verdict.h"

enum { TOKEN_TABLE_READERS_MAX = 65 };

struct token_table;
struct generation;

struct token_table_figures {
    uint64_t tokens;
    uint64_t slots;
    uint64_t bytes;
    uint64_t generation;
    uint64_t held; /* old tables that clients hold, and their bytes */
    uint64_t held_bytes;
};

/* Make an empty table for at least `tokens` tokens.  NULL and errno on failure. */
struct token_table *token_table_new(const char *prefix, uint64_t tokens);
void token_table_free(struct token_table *t);

/* True if `tokens` more tokens with `bytes` of strings in all fit without a new generation. */
bool token_table_can_add(struct token_table *t, uint64_t tokens, uint64_t bytes);

/* Make sure that `tokens` more tokens, aliases and bans with `bytes` of strings in all fit, so that putting them
 * cannot fail.  0 or -errno. */
int token_table_reserve(struct token_table *t, uint64_t tokens, uint64_t bytes);

/* Have space for `tokens` more tokens, most of whose strings are there already or the same: each must be reserved yet, but
 * the table need not grow often.  0 or -errno. */
int token_table_expect(struct token_table *t, uint64_t tokens);

/* Replace the table by a copy, so that clients ask for it again.  What was reserved still fits.  0
 * or -errno. */
int token_table_recall(struct token_table *t);

/* Add or change a token, which must have been reserved. */
void token_table_put(struct token_table *t, const struct record *record);

/* Add or change several tokens, which must have been reserved. */
void token_table_put_all(struct token_table *t, const struct record *records, size_t count);

void token_table_remove(struct token_table *t, const uint8_t id[ID_SIZE]);

/* Begin to keep bans, which the caller then adds (token_bans.h); or drop all.  0 or -errno. */
int token_table_keep_bans(struct token_table *t, bool keep);
bool token_table_keeps_bans(const struct token_table *t);

/* Set SLOT_REVOKED or SLOT_DISABLED at once; false if there is no such token.  With `pending`,
 * token_table_allow() does nothing until token_table_deny_end(): changes are answered in the order
 * of their requests, so what allows in between was requested before the denial. */
bool token_table_deny(struct token_table *t, const uint8_t id[ID_SIZE], uint32_t flag,
                      struct pending_deny *pending);
void token_table_deny_end(struct token_table *t, struct pending_deny *pending);

/* End a disable, unless another is pending. */
void token_table_allow(struct token_table *t, const uint8_t id[ID_SIZE]);

/* Return the slot's flags (0: no such token); set its whole digest and the time of its last use (0:
 * none). */
uint32_t token_table_look(struct token_table *t, const uint8_t id[ID_SIZE],
                          uint8_t digest[DIGEST_SIZE], int64_t *used);

/* Make the table one that may have tokens of the fleet, which it stays; 0 or -errno.  The fleet has no
 * lease then, until it is granted one. */
int token_table_use_fleet(struct token_table *t);
bool token_table_has_fleet(struct token_table *t);

/* True if so many tokens are far from their home slots that token_table_spread() is worth its time.  Chance does not
 * do that, but whoever reads the table may choose digests by its seed, if he can make tokens of the fleet.  He needs so
 * many that the copy costs no more than a few times what he made the writer pass over. */
bool token_table_is_crowded(struct token_table *t);

/* Make the table anew by another seed; 0, or -errno: it stays as it is, and counts as not crowded for now. */
int token_table_spread(struct token_table *t);

/* Grant the fleet's lease, by CLOCK_BOOTTIME in nanoseconds: `until` for what is unknown here, `keep`, which
 * is no earlier, for tokens of the fleet; 0: end it now.  No more than TABLE_FLEET_UNTIL_MAX and
 * TABLE_FLEET_KEEP_MAX from now on.  Whoever verifies with either bound sees all that was published before.
 * Nothing happens to a table without a fleet. */
void token_table_set_fleet_lease(struct token_table *t, int64_t until, int64_t keep);
void token_table_fleet_lease(struct token_table *t, int64_t *until, int64_t *keep);

/* Renew the lease; called every second by a thread that never touches the disk. */
void token_table_renew_lease(struct token_table *t);

/* Move the next piece of the table into a huge page, which makes lookups cheaper; false: all were
 * tried.  One thread only; takes some milliseconds. */
bool token_table_collapse(struct token_table *t);

/* Mark the table as closed: clients do not use it any more, and the fleet's lease ends. */
void token_table_close(struct token_table *t);

/* True if clients hold too many old tables.  Any thread, without the mutex. */
bool token_table_is_withheld(struct token_table *t);

struct token_table_figures token_table_figures(struct token_table *t);
struct token_table_figures token_table_figures_of(struct token_table *t,
                                                  const struct generation *g);

/* Begin and end the use of the current generation, which is not freed in between.  `reader`, below
 * TOKEN_TABLE_READERS_MAX, is the thread's own number.  Take no lock. */
const struct generation *token_table_enter(struct token_table *t, unsigned reader);
void token_table_leave(struct token_table *t, unsigned reader);

/* Return the table of a generation. */
const struct table *token_table_table(const struct generation *g);

/* Note that the token in a slot was used; coarse: about a minute. */
void token_table_touch(const struct generation *g, uint32_t slot, int64_t now);

/* Lock the table against changes by others, and return its current generation. */
struct generation *token_table_lock(struct token_table *t);
void token_table_unlock(struct token_table *t);

/* Wait until a change that is being made is done, after which its slot is not torn any more. */
void token_table_wait_for_writer(struct token_table *t);

#endif
