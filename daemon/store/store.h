/* SPDX-License-Identifier: Apache-2.0 */
/* Store token records and journal blocks in one TDB file.  The writer's thread only.
 *
 * tdb_file.h handles what TDB and the disk may do to a commit.  Beyond that:
 *   - closing any descriptor of the file drops the process's locks on it, so a second daemon is not
 *     excluded by TDB's lock but by one on PATH.lock, and one (flock) on the file itself.
 *   - with a log (store_log.h), a commit is in the log, and in the file some seconds later; what is read
 *     is as if it were there.
 *   - without a map each piece of a record is a system call, so the file is mapped after all for
 *     reading everything: read-only, which a full disk cannot disturb. */
#ifndef JETON_DAEMON_STORE_STORE_H
#define JETON_DAEMON_STORE_STORE_H

#include "daemon/store/journal.h"
#include "daemon/store/record.h"
#include "daemon/store/store_file.h"
#include "proto/request.h"

struct store;

/* Open a store.  NULL: *problem says why and what to do; nothing was changed.  STATUS_BUSY: another
 * daemon has it or, when only reading, is in a transaction for seconds, or a crash left it in the
 * middle of one. */
struct store *store_open(const char *path, enum store_mode mode, struct problem *problem);
void store_close(struct store *s);

/* True if another daemon had the store when it was opened to be read. */
bool store_is_shared(const struct store *s);

/* Close and open the file after an uncertain commit, which confirms or undoes it.  False: *problem
 * says why; every later call fails until a reopen succeeds. */
bool store_reopen(struct store *s, struct problem *problem);

/* Make sure, after such a reopen, that what is read is what the disk has.  False: *problem says why
 * not; until it succeeds the store may be read, but not changed. */
bool store_repair(struct store *s, struct problem *problem);

/* Shorten the file, after a reopen undid a commit, by what that had added. */
void store_shrink(struct store *s);

/* Read all journal blocks into an empty journal. */
bool store_load_journal(struct store *s, struct journal *j, struct problem *problem);

/* Give every token to the visitor, in no order and on another thread (bulk_read.h).  False:
 * *problem says which record cannot be read. */
bool store_load_tokens(struct store *s, struct record_visitor *visitor, struct problem *problem);

/* True if a file of this size can hold so many tokens; otherwise *problem says that it cannot. */
bool store_can_hold(struct store *s, uint64_t expected, struct problem *problem);

/* True if as many tokens were found as the journal says; otherwise *problem says that there were
 * not. */
bool store_has_all(const struct store *s, uint64_t found, uint64_t expected,
                   struct problem *problem);

/* Make one transaction.  If any of these fails, call store_abandon() and then store_reopen(). */
bool store_begin(struct store *s);
bool store_put(struct store *s, const struct record *record);

/* Add a token that is not there yet.  STORE_ABSENT: it was not there, and is now; STORE_FOUND: it
 * was there, or another with the same id (once in 2^80), and nothing was changed. */
enum store_found store_add(struct store *s, const struct record *record);

/* Likewise, a token of which it is known that the store did not have it before this transaction. */
enum store_found store_add_new(struct store *s, const struct record *record);

/* Return the claims of the record that was put or added last, as written; valid until the next. */
struct slice store_claims(const struct store *s);

bool store_remove(struct store *s, const uint8_t id[ID_SIZE]);
bool store_put_journal(struct store *s, struct journal *j);

/* Commit.  True: it is on the disk.  False: it may or may not be; see store_reopen(). */
bool store_commit(struct store *s);
void store_abandon(struct store *s);

/* Read a token; in a transaction, as that has written it. */
enum store_found store_get(struct store *s, const uint8_t id[ID_SIZE], struct record *record);

/* Read a journal block into `bytes` (JOURNAL_BLOCK_MAX of them). */
enum store_found store_get_journal(struct store *s, uint32_t block, char *bytes, size_t *len);

/* For the rest of this folder, in a transaction: put a line of `len` bytes, which is filled up with spaces,
 * for which there are TDB_FILE_SPARE bytes behind it; a value as it is; the first record, in a value of this
 * size; remove a key that is there. */
bool store_put_line(struct store *s, struct slice key, char *line, size_t len);
bool store_put_value(struct store *s, struct slice key, struct slice value);
bool store_put_head(struct store *s, struct slice head, size_t size);
bool store_remove_key(struct store *s, struct slice key);

/* For the rest of this folder: return the file; fetch a value, whose dptr is to be freed if it was
 * found. */
struct tdb_file *store_file(struct store *s);
enum store_found store_fetch(struct store *s, struct slice key, TDB_DATA *value);

/* Return the size of the file in bytes; 0: it is not open. */
uint64_t store_size(struct store *s);

#endif
