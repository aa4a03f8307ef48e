/* SPDX-License-Identifier: Apache-2.0 */
/* Read and repair the recovery record of a TDB file, by which TDB undoes a commit that was
 * interrupted.  Work on the bytes of the file, which TDB need not have open.
 *
 * A commit that needs a larger record makes the file longer, writes the pointer to the record,
 * and only then syncs for the first time: after a power failure the disk may have the pointer
 * and not the length.  There is nothing to undo then, as nothing else is written before that sync
 * is done. */
#ifndef JETON_DAEMON_STORE_TDB_RECOVERY_H
#define JETON_DAEMON_STORE_TDB_RECOVERY_H

#include <stdbool.h>
#include <stdint.h>

/* The bytes before the head of the free list, which the heads of the hash chains follow. */
enum { TDB_FILE_HEAD = 168 };

/* True if the file is a TDB file whose pointer leads behind its end, which TDB refuses.  False
 * for one that another process is making longer, or that was truncated further. */
bool tdb_recovery_is_beyond(int fd);

/* Clear the pointer, and sync; false and errno. */
bool tdb_recovery_clear(int fd);

/* Rewrite pointer and record, which the kernel may only consider written, and sync; false and
 * errno. */
bool tdb_recovery_rewrite(int fd);

/* Find the end of the record's space; 0: there is no record.  False: it cannot be read. */
bool tdb_recovery_end(int fd, uint64_t *end);

#endif
