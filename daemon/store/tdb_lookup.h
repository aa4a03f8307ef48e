/* SPDX-License-Identifier: Apache-2.0 */
/* Read single records of a TDB file without TDB's handle, which another thread may be using for a
 * commit.  Every offset and length is checked: in a file that is damaged, or hostile, a look-up reads
 * nothing outside and ends.
 *
 *     committing thread    note each key that it puts or deletes, begin, tdb_transaction_commit(), end
 *     other threads        get; where that is BUSY, again later
 *
 * In the file, a commit changes the hash chains of the keys that it puts or deletes, free space, and
 * nothing else: the records of other chains are neither moved nor written with other bytes.  So while
 * it is under way, their records are found, and what is absent is known to be.  Those chains are not
 * read then: they may lead to a place where the new record is not yet, but still an older one of the
 * same key, because TDB leaves the head of a deleted record as it was when it joins two free pieces.
 *
 * A commit that makes the file longer may go on to write all records anew (TDB's repack), and has
 * all chains. */
#ifndef JETON_DAEMON_STORE_TDB_LOOKUP_H
#define JETON_DAEMON_STORE_TDB_LOOKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/text.h"

struct tdb_lookup;

enum lookup_found {
    LOOKUP_FOUND,
    LOOKUP_ABSENT,
    LOOKUP_BUSY,   /* a commit is changing this chain */
    LOOKUP_FAILED, /* the file is damaged or cannot be read */
};

/* Open a TDB file that is open in this process.  NULL and errno; EINVAL: it is none, or of a kind
 * that this does not read.
 *
 * Closing it drops the locks that TDB has on the file in this process: open and close it between
 * transactions. */
struct tdb_lookup *tdb_lookup_open(const char *path);

/* Likewise, by a descriptor, which is closed with it, or when this fails. */
struct tdb_lookup *tdb_lookup_new(int fd);
void tdb_lookup_close(struct tdb_lookup *l);

/* Read a value of at most `size` bytes, as the last commit that ended left it.  A longer one is
 * LOOKUP_FAILED.  Any thread. */
enum lookup_found tdb_lookup_get(struct tdb_lookup *l, struct slice key, char *value, size_t size,
                                 size_t *len);

/* Find where in the file a value is, and its length.  Nobody changes the file meanwhile. */
enum lookup_found tdb_lookup_place(const struct tdb_lookup *l, struct slice key, uint64_t *at,
                                   size_t *len);

/* Return the number of the hash chain that has a key, if any has. */
uint32_t tdb_lookup_chain(const struct tdb_lookup *l, struct slice key);

/* Note a key that the next commit puts or deletes.  The committing thread, before it begins. */
void tdb_lookup_note(struct tdb_lookup *l, struct slice key);

/* A commit begins: from now on the file is written; `longer`: the transaction has made the file
 * longer, as tdb_map_size() shows.  It ends once it is known what the file has: if it failed, after
 * TDB was opened again. */
void tdb_lookup_commit_begin(struct tdb_lookup *l, bool longer);
void tdb_lookup_commit_end(struct tdb_lookup *l);

#endif
