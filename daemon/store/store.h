/* SPDX-License-Identifier: Apache-2.0 */
/* The durable truth: token records and journal blocks in one TDB file.  The writer's
 * thread only.
 *
 * What TDB and the disk do to a commit is tdb_file.h's business.  Beyond that:
 *   - closing any descriptor of the file drops the process's locks on it, so the lock against a
 *     second daemon is not TDB's: it is on PATH.lock, and (flock) on the file itself.
 *   - without a map each piece of a record is a system call: for reading everything it is mapped
 *     after all, read-only, which no full disk can disturb. */
#ifndef JETON_DAEMON_STORE_STORE_H
#define JETON_DAEMON_STORE_STORE_H

#include "daemon/store/journal.h"
#include "daemon/store/record.h"
#include "proto/request.h"

struct store;

enum store_mode {
    STORE_WRITE, /* create it if there is none; refuse if another daemon has it */
    STORE_READ,  /* look only; nothing is changed, nor created */
};

enum store_found { STORE_FOUND, STORE_ABSENT, STORE_FAILED };

/* Opens a store.  NULL: *problem says why and what to do; nothing was changed.  STATUS_BUSY:
 * another daemon has it, or (STORE_READ) a crash left it in the middle of a transaction. */
struct store *store_open(const char *path, enum store_mode mode, struct problem *problem);
void store_close(struct store *s);

/* After an uncertain commit: closes and opens the file, which confirms or undoes what was going
 * on.  False: *problem says why; every later call fails until a reopen succeeds. */
bool store_reopen(struct store *s, struct problem *problem);

/* After such a reopen: makes sure that what is read is what the disk has.  False: *problem says why
 * not; until that succeeds the store may be read, but not changed. */
bool store_repair(struct store *s, struct problem *problem);

/* After a reopen that undid a commit: gives back what that had added to the file. */
void store_shrink(struct store *s);

/* Reads all journal blocks into an empty journal. */
bool store_load_journal(struct store *s, struct journal *j, struct problem *problem);

/* Shows every token, in no order and on another thread (traversal.h).  False: *problem says which
 * record cannot be read. */
bool store_load_tokens(struct store *s, struct record_visitor *visitor, struct problem *problem);

/* True if a file as large as this can hold so many tokens; or else *problem says so. */
bool store_can_hold(struct store *s, uint64_t expected, struct problem *problem);

/* True if as many tokens were found as the journal says; or else *problem says so. */
bool store_has_all(const struct store *s, uint64_t found, uint64_t expected,
                   struct problem *problem);

/* One transaction.  Any of these failing means: store_abandon(), then store_reopen(). */
bool store_begin(struct store *s);
bool store_put(struct store *s, const struct record *record);

/* The same for a token that is not there yet.  STORE_FOUND: it is, or another (once in 2^80) with
 * the same id, and nothing was changed; STORE_ABSENT: it was not, and is now. */
enum store_found store_add(struct store *s, const struct record *record);

/* The claims of the record that was put or added last, as it has them; until the next is. */
struct slice store_claims(const struct store *s);

bool store_remove(struct store *s, const uint8_t id[ID_SIZE]);
bool store_put_journal(struct store *s, const struct journal *j);

/* True: it is on the disk.  False: it may or may not be; see store_reopen(). */
bool store_commit(struct store *s);
void store_abandon(struct store *s);

/* In a transaction it sees what the transaction wrote. */
enum store_found store_get(struct store *s, const uint8_t id[ID_SIZE], struct record *record);

/* Reads a journal block into `bytes` (JOURNAL_BLOCK_MAX of them). */
enum store_found store_get_journal(struct store *s, uint32_t block, char *bytes, size_t *len);

/* Bytes of the file. */
uint64_t store_size(struct store *s);

#endif
