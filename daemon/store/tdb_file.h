/* SPDX-License-Identifier: Apache-2.0 */
/* One TDB file that survives the disk: created whole, and honest about what a commit did.
 * One thread.
 *
 * Facts of TDB 1.4 and Linux that shape it:
 *   - TDB_NOMMAP: with mmap a full disk or a hole in the file is a SIGBUS.
 *   - TDB does not sync a file it creates: a new one is made under another name, given its first
 *     transaction, synced, renamed, and its directory synced.
 *   - with O_CREAT, tdb_open() overwrites a file that is not a TDB: never given for an old file.
 *   - a commit whose last sync fails returns success; but it logs an error, and we listen.
 *   - when a commit fails, TDB tidies up and takes away the mark by which the next open would undo
 *     it, even if it could not undo it itself.  So from the first error on TDB is cut off from the
 *     file, and opening it again undoes the commit.
 *   - after a failed sync the kernel takes what it could not write for written.  Undoing rewrites
 *     what the commit changed; the rest that may differ on the disk is rewritten here.
 *   - a commit that makes the file longer may leave, when the power goes, a recovery record behind its
 *     end, with which TDB does not open it: that is forgotten first (tdbrecovery.h).
 *   - a commit that fails leaves the file longer: without care, a disk that stays full would make
 *     it grow, sparse, to the 4 GiB that TDB can address. */
#ifndef JETON_DAEMON_STORE_TDB_FILE_H
#define JETON_DAEMON_STORE_TDB_FILE_H

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <tdb.h>

#include "proto/text.h"

struct tdb_file {
    struct tdb_context *tdb; /* NULL: not open */
    int null_fd;             /* what TDB writes to when it is cut off; -1: none yet */
    bool failed;             /* TDB logged an error since the file was opened or the
                                     * transaction began */
    bool committing;
    bool error_logged;    /* an error is logged once, until a commit succeeds */
    bool unclean;         /* a commit must be undone, but the file is open read-only */
    char error_text[128]; /* the first of these errors */
    dev_t device;         /* of the file first opened: no other takes its place */
    ino_t inode;          /* 0: none yet */
    uint64_t size_before; /* the file's size when the transaction began */
    char path[PATH_MAX];
};

enum { TDB_FILE_SPARE = 4096, TDB_FILE_FIRST_MAX = 256 };

/* The size a value of at least `least` bytes should have, so that what TDB allocates for it leaves
 * no useless remainders: at most TDB_FILE_SPARE more. */
size_t tdb_file_size(size_t key, size_t least);

/* The size of a value for which TDB allocates so much that one of `most` bytes can take its place. */
size_t tdb_file_place(size_t key, size_t most);

/* Shows each record where it lies, in no order, until `visit` sets *ended and returns what is not 0.
 * The file is open for reading only.  False: it is damaged. */
bool tdb_file_walk(const struct tdb_file *f, tdb_traverse_func visit, void *context,
                   const bool *ended);

static inline TDB_DATA tdb_file_datum(struct slice s)
{
    return (TDB_DATA){ (unsigned char *)s.at, s.len };
}

/* False: the path is too long. */
bool tdb_file_init(struct tdb_file *f, const char *path);

/* Makes the file with one record, unless there is one; false and errno.  Spaces are put behind its
 * value, which is at most TDB_FILE_FIRST_MAX bytes.  The caller makes sure that nobody else does the
 * same. */
bool tdb_file_create(struct tdb_file *f, struct slice key, struct slice value);

/* Opens the file, which undoes a commit that was cut off; false and errno.  ENOTSUP: it is not a
 * regular file; ESTALE: another file is in its place; EWOULDBLOCK: it must be mended, and another
 * process has it; EIO, EINVAL or 0: not whole, or no TDB. */
bool tdb_file_open(struct tdb_file *f, int flags);
void tdb_file_close(struct tdb_file *f);

/* One transaction.  A commit that returns false may or may not be done: close, open, and look.
 * `how`: TDB_INSERT or TDB_REPLACE. */
bool tdb_file_begin(struct tdb_file *f);
bool tdb_file_put(struct tdb_file *f, struct slice key, struct slice value, int how);
bool tdb_file_commit(struct tdb_file *f);
void tdb_file_abandon(struct tdb_file *f);

/* After such a commit and a new open: makes sure that what is read is what the disk has. */
bool tdb_file_repair(struct tdb_file *f);

/* And if the commit turned out undone: gives back what it had added to the file. */
void tdb_file_shrink(struct tdb_file *f);

#endif
