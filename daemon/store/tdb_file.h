/* SPDX-License-Identifier: Apache-2.0 */
/* Make one TDB file survive the faults of a disk: it is created whole, and a commit that may have
 * failed is reported as such.  One thread.
 *
 * Facts of TDB 1.4 and Linux that shape it:
 *   - TDB_NOMMAP: with mmap a full disk or a hole in the file is a SIGBUS.
 *   - TDB does not sync a file it creates: a new one is made under another name, given its first
 *     transaction, synced, renamed, and its directory synced.
 *   - with O_CREAT, tdb_open() overwrites a file that is not a TDB: never given for an old file.
 *   - a commit whose last sync fails returns success; but it logs an error, which counts here.
 *   - when a commit fails, TDB cleans up and removes the mark by which the next open would undo it,
 *     even if it could not undo it itself.  So from the first error on TDB is cut off from the
 *     file, and opening it again undoes the commit.
 *   - after a failed sync the kernel considers written what it could not write.  Undoing rewrites
 *     what the commit changed; whatever else may differ on the disk is rewritten here.
 *   - when power fails in a commit that makes the file longer, a recovery record behind the file's
 *     end may be left, with which TDB does not open it: that is cleared first (tdb_recovery.h).
 *   - a commit that fails leaves the file longer: a disk that stays full would make it grow,
 *     sparse, to the 4 GiB that TDB can address. */
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
    int null_fd;             /* /dev/null, which TDB writes to when it is cut off; -1: none yet */
    bool failed;             /* TDB logged an error since the file was opened, or since begin */
    bool committing;
    bool
        in_doubt; /* a commit failed, perhaps the last process's: to be repaired before the next transaction */
    bool error_logged;    /* log no further error until a commit succeeds */
    bool unclean;         /* a commit must be undone, but the file was opened read-only */
    char error_text[128]; /* the first of these errors */
    dev_t device;         /* of the file that was opened first; no other may replace it */
    ino_t inode;          /* 0: none yet */
    uint64_t size_before; /* the file's size when the transaction began */
    char path[PATH_MAX];
};

enum { TDB_FILE_SPARE = 4096, TDB_FILE_FIRST_MAX = 256 };

enum tdb_file_how {
    TDB_FILE_INSERT, /* there is none of this key: otherwise it fails, TDB_ERR_EXISTS */
    TDB_FILE_REPLACE,
};

/* Return the size that a value of at least `least` bytes should have, so that TDB's allocation for
 * it leaves no useless remainders; at most TDB_FILE_SPARE more. */
size_t tdb_file_size(size_t key, size_t least);

/* Return the size of a value for which TDB allocates enough to be replaced in place by one of
 * `most` bytes. */
size_t tdb_file_place(size_t key, size_t most);

static inline TDB_DATA tdb_file_datum(struct slice s)
{
    return (TDB_DATA){ (unsigned char *)s.at, s.len };
}

/* Set the path.  False: it is too long. */
bool tdb_file_init(struct tdb_file *f, const char *path);

/* Create the file with one record, unless there is a file; false and errno.  The value, of at most
 * TDB_FILE_FIRST_MAX bytes, is filled up with spaces.  The caller makes sure that nobody else does
 * the same. */
bool tdb_file_create(struct tdb_file *f, struct slice key, struct slice value);

/* Sync the directory of this path: the names in it; false and errno. */
bool tdb_file_sync_directory(const char *path);

/* Open the file, which undoes a commit that was cut off; false and errno.  ENOTSUP: it is not a
 * regular file; ESTALE: another file is in its place; EWOULDBLOCK: it must be repaired, and another
 * process has it; EIO, EINVAL or 0: not whole, or no TDB. */
bool tdb_file_open(struct tdb_file *f, int flags);

/* Open the file for reading only while another process has it, and keep that from beginning a
 * transaction until the file is closed.  Wait ten seconds for the end of one.  False and errno;
 * EAGAIN: it did not end. */
bool tdb_file_open_shared(struct tdb_file *f);
void tdb_file_close(struct tdb_file *f);

/* True if the file that was opened is still at its path: what is written to another would be lost.  Any
 * thread. */
bool tdb_file_is_in_place(const struct tdb_file *f);

/* Open the file that was opened first once more, to be read.  -1: it is not at its path. */
int tdb_file_open_again(const struct tdb_file *f);

/* Write over a part of the file, within a transaction and before anything is put.  It is synced by the
 * commit, and stays if that fails, or in part after a crash.  False and errno. */
bool tdb_file_overwrite(struct tdb_file *f, uint64_t at, struct slice bytes);

/* Make one transaction.  A commit that returns false may or may not be done, which shows after
 * the file was closed and opened. */
bool tdb_file_begin(struct tdb_file *f);
bool tdb_file_put(struct tdb_file *f, struct slice key, struct slice value, enum tdb_file_how how);
bool tdb_file_commit(struct tdb_file *f);
void tdb_file_abandon(struct tdb_file *f);

/* Make sure, after such a commit and a new open, that what is read is what the disk has: until that is
 * done no transaction begins.  Otherwise power could fail in it and leave the recovery record of the
 * last one with data of this one. */
bool tdb_file_repair(struct tdb_file *f);

/* Shorten the file, if the commit turned out undone, by what that had added. */
void tdb_file_shrink(struct tdb_file *f);

#endif
