/* SPDX-License-Identifier: Apache-2.0 */
/* Arrange the journal: numbered entries in a ring of blocks of equal size (but for larger ones that
 * older versions left).  It knows nothing of TDB: the store writes and reads the blocks.  The
 * writer's thread only.
 *
 *     key    "journal/" N                     N: the block's place in the ring, from 0
 *     value  "v=1 tokens=0000000123" LF       how many token records the store held after this
 *            entry LF ...                     serial=… time=… event=… id=… by=uid:N pid=N …
 *
 * A commit adds its entries to the newest block, which rewrites one record in place; what does
 * not fit goes into the next.  Small blocks cost less to rewrite, large ones waste less at their
 * end: an entry has some 150 bytes.  Serials are consecutive, within a block and from block to
 * block.  A full block is followed by the oldest one, if enough entries remain without it, or
 * else by a new one. */
#ifndef JETON_DAEMON_STORE_JOURNAL_H
#define JETON_DAEMON_STORE_JOURNAL_H

#include "proto/limits.h"
#include "proto/line.h"

enum {
    JOURNAL_BLOCK = 32 * 1024 - 64, /* bytes of a block: eight pages, with what TDB adds to it */
    JOURNAL_BLOCK_MAX = 64 * 1024,  /* of one that is read: older versions wrote such */
    JOURNAL_ENTRY_MAX = LINE_MAX_BYTES,
    JOURNAL_KEY_MAX = 32,
};

struct journal;

/* Make an empty journal that keeps at least the last `keep` entries.  NULL: no memory. */
struct journal *journal_new(uint64_t keep);
void journal_free(struct journal *j);
void journal_set_keep(struct journal *j, uint64_t keep);

/* Empty the journal, before blocks are loaded again. */
void journal_clear(struct journal *j);

/* Load a stored block, in any order.  Return NULL, or what is wrong with it. */
const char *journal_load(struct journal *j, uint32_t block, struct slice stored);

/* Check the ring after all blocks were loaded.  Return NULL, or what is wrong with it. */
const char *journal_loaded(struct journal *j);

/* Return the number of token records, according to the newest block. */
uint64_t journal_tokens(const struct journal *j);

/* Prepare a commit's first entry: go on to the next block if this one is full.  0 or -ENOMEM. */
int journal_begin(struct journal *j);

/* Go on to the next block, in which any entry fits, after the full one was stored.  0 or
 * -ENOMEM. */
int journal_next_block(struct journal *j);

/* Return the serial that the next entry will have. */
uint64_t journal_next(const struct journal *j);

/* Begin the next entry; the caller adds fields to the text, and then calls journal_entry_end().
 * False: it does not fit into this block, and was not added. */
struct text journal_entry(struct journal *j, int64_t time, const char *event);
bool journal_entry_end(struct journal *j, struct text *entry);

/* Add an entry that was written before, with the serial that comes next; likewise. */
bool journal_add_line(struct journal *j, struct slice line);

/* Return the block's entries that came since journal_begin(), or journal_next_block(), or the last call;
 * LF-terminated lines. */
struct slice journal_take_new(struct journal *j);

/* Write the head line; the block can then be stored by journal_key() and journal_block(). */
void journal_end(struct journal *j, uint64_t tokens);
uint32_t journal_block_number(const struct journal *j);
struct slice journal_block(const struct journal *j);

/* Return the oldest serial that is still here, and the newest; 0 and 0: none. */
uint64_t journal_oldest(const struct journal *j);
uint64_t journal_newest(const struct journal *j);

/* Return the time of the newest entry; 0: there is none. */
int64_t journal_newest_time(const struct journal *j);

/* Find the number of the block that holds this serial; false if none does. */
bool journal_find(const struct journal *j, uint64_t serial, uint32_t *block);

/* Return the entries of a block from `serial` on, as LF-terminated lines. */
struct slice journal_entries(struct slice block, uint64_t serial);

/* Take the line at the front of such entries, without its LF; false at the end, or if the LF is
 * missing. */
bool journal_take_entry(struct slice *rest, struct slice *entry);

/* The same backwards: the entries of a block before `serial`, and the line at the end of such. */
struct slice journal_entries_before(struct slice block, uint64_t serial);
bool journal_take_last_entry(struct slice *rest, struct slice *entry);

/* Read the serial of an entry line. */
bool journal_serial(struct slice entry, uint64_t *serial);

void journal_key(struct text *key, uint32_t block);

#endif
