/* SPDX-License-Identifier: Apache-2.0 */
/* The recovery record of a TDB file: by it TDB undoes a commit that was cut off.  Here it is bytes of
 * the file, which TDB need not have open.
 *
 * A commit that needs a larger one makes the file longer, writes where the record is, and only then
 * syncs for the first time: when the power goes, the disk may have the pointer and not the length.
 * There is nothing to undo then, as nothing else is written before that sync is done. */
#ifndef JETON_DAEMON_STORE_TDB_RECOVERY_H
#define JETON_DAEMON_STORE_TDB_RECOVERY_H

#include <stdbool.h>
#include <stdint.h>

/* Bytes in front of where the list of free pieces, and behind it each hash chain, begins. */
enum { TDB_FILE_HEAD = 168 };

/* True if the file is a TDB file that points to such a record behind its end, which TDB refuses.  Not so
 * of one that another process is just making longer, or of which other things are missing as well. */
bool tdb_recovery_is_beyond(int fd);

/* Takes the pointer away, for good; false and errno. */
bool tdb_recovery_clear(int fd);

/* Writes again what the kernel may take for written, and syncs; false and errno. */
bool tdb_recovery_rewrite(int fd);

/* Where the record's room ends; 0: there is none.  False: it cannot be read. */
bool tdb_recovery_end(int fd, uint64_t *end);

#endif
