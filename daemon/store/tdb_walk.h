/* SPDX-License-Identifier: Apache-2.0 */
/* Walk over the records of a TDB file, hash chain by hash chain.  One thread. */
#ifndef JETON_DAEMON_STORE_TDB_WALK_H
#define JETON_DAEMON_STORE_TDB_WALK_H

#include "daemon/store/tdb_file.h"

/* Call `visit` with each record, in no order and without copying it, until `visit` sets *ended and
 * returns nonzero.  The file is open for reading only.  False: it is damaged. */
bool tdb_walk_all(const struct tdb_file *f, tdb_traverse_func visit, void *context,
                  const bool *ended);

/* Let *chain be the first hash chain from it on that has records; tdb_hash_size(): there is none.  The
 * file may be open for writing.  False: it is damaged. */
bool tdb_walk_find(const struct tdb_file *f, uint32_t *chain);

/* Call `visit` with the records of one hash chain until it returns nonzero.  False: it is damaged. */
bool tdb_walk_chain(const struct tdb_file *f, uint32_t chain, tdb_traverse_func visit,
                    void *context);

#endif
