/* SPDX-License-Identifier: Apache-2.0 */
/* The file of a write-ahead log, PATH.wal: created whole, or not at all; read and written by whole
 * blocks.  One thread.
 *
 * All of it is written with zeros and synced when it is made, so that it is there even on a full
 * disk, and fdatasync(2) writes data alone: allocated space that was never written is marked as
 * such, and the first write to it has to change that.
 *
 * Where the file system allows, blocks are then written past the page cache (O_DIRECT): a write and
 * sync of some blocks takes a fifth less time so. */
#ifndef JETON_DAEMON_STORE_WAL_FILE_H
#define JETON_DAEMON_STORE_WAL_FILE_H

#include <limits.h>
#include <sys/types.h>

#include "daemon/store/wal_format.h"
#include "proto/problem.h"

#define WAL_SUFFIX ".wal"

struct wal_file {
    int fd; /* -1: not open, or there is none */
    bool write;
    bool direct; /* past the page cache */
    struct wal_shape shape;
    dev_t device; /* of the open file */
    ino_t inode;
    char store[PATH_MAX];
    char path[PATH_MAX + 16];
};

/* Set the path.  False: it is too long. */
bool wal_file_init(struct wal_file *f, const char *store, bool write);

/* Open the file if there is one, lock it if it is to be written, and read its shape.  False:
 * *problem says why not; STATUS_BUSY: another process has it. */
bool wal_file_open(struct wal_file *f, struct problem *problem);
void wal_file_close(struct wal_file *f);

/* Put a new file in the place of the one that is there, if any, and open it.  False: *problem says
 * why not; what was there, still is, unless only the directory could not be synced. */
bool wal_file_create(struct wal_file *f, const struct wal_shape *shape, struct problem *problem);

/* Remove the file, if there is one.  False: *problem says why not. */
bool wal_file_remove(const char *store, struct problem *problem);

/* True if the open file is still at its path; otherwise what is written would be lost, and
 * *problem says so. */
bool wal_file_in_place(const struct wal_file *f, struct problem *problem);

/* Write past the page cache from now on, if that is possible, or not.  Bytes that are written so are
 * whole blocks, aligned to one in memory; reading is not possible. */
void wal_file_set_direct(struct wal_file *f, bool direct);

/* Read or write all of these bytes of a segment, at an offset in it.  False: some may be read or
 * written, and *problem says why not all. */
bool wal_file_read(const struct wal_file *f, uint64_t sequence, size_t offset, char *bytes,
                   size_t len, struct problem *problem);
bool wal_file_write(struct wal_file *f, uint64_t sequence, size_t offset, const char *bytes,
                    size_t len, struct problem *problem);

/* Sync.  False: what was written since the last sync may be on the disk or not, also after a
 * further sync that succeeds: the kernel takes for written what it could not write. */
bool wal_file_sync(const struct wal_file *f, struct problem *problem);

#endif
