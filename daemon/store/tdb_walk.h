/* SPDX-License-Identifier: Apache-2.0 */
/* Walk over the records of a TDB file, hash chain by hash chain.  One thread. */
#ifndef JETON_DAEMON_STORE_TDB_WALK_H
#define JETON_DAEMON_STORE_TDB_WALK_H

#include "daemon/store/tdb_file.h"

/* Call `visit` with each record, in no order and without copying it, until `visit` sets *ended and
 * returns nonzero.  The file is open for reading only.  False: it is damaged. */
bool tdb_walk_all(const struct tdb_file *f, tdb_traverse_func visit, void *context,
                  const bool *ended);

/* Skip empty hash chains from *chain on, call `visit` with the records of the next one, and set
 * *chain to the one behind it, or leave it there if `visit` set *ended; at the last, to
 * tdb_hash_size().  The file may be open for writing.  False: it is damaged. */
bool tdb_walk_from(const struct tdb_file *f, uint32_t *chain, tdb_traverse_func visit,
                   void *context, const bool *ended);

#endif
