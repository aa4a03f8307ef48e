/* SPDX-License-Identifier: Apache-2.0 */
/* Put a layer of changes into the store's file, in a transaction that has begun.  One thread. */
#ifndef JETON_DAEMON_STORE_CHECKPOINT_LAYER_H
#define JETON_DAEMON_STORE_CHECKPOINT_LAYER_H

#include "daemon/store/log_note.h"
#include "daemon/store/overlay.h"
#include "daemon/store/store_file.h"
#include "daemon/store/tdb_lookup.h"

/* Put all of a layer, and the note.
 *
 * With a look-up, lines that are there and have space are written over in their places, before anything
 * else: that is a fraction of what a transaction takes, which writes each page twice.  They are synced
 * with it, and stay if it fails.  After a crash they may be there, or not, or in part; so the log must
 * have all of the layer until the note is saved, and whoever reads asks that first.  Whatever saves the
 * layer after a failure must do so with a look-up: a transaction would not write again what can be read,
 * though it may not be on the disk.  The transaction's lock keeps out other processes that read the file.
 * The keys that the transaction puts or removes are noted in the look-up, for the commit.
 *
 * False: the transaction is to be abandoned. */
bool checkpoint_layer_put(struct store_file *store, const struct overlay *layer,
                          struct tdb_lookup *lookup, const struct log_note *note);

#endif
