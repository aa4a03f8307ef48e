/* SPDX-License-Identifier: Apache-2.0 */
/* The cache of the fleet's tokens on a host, beside the store: what a start needs to go on without the
 * database.  One owner: the writer's thread.
 *
 *     STORE.fleet        the snapshot: all tokens, ascending by digest, in blocks with checksums; places;
 *                        unsent denials (fleet_snapshot.h)
 *     STORE.fleet.wal    the log ahead of it, a ring of fixed size (daemon/store/wal.h): batches
 *
 * What is in the log is merged into a new snapshot by a thread (fleet_compaction.h), while batches go on; the
 * new file takes the place of the old one when it is whole and synced, and only then what it has may be
 * overwritten in the log.  A crash at any moment leaves one of both, and a log that fits it.
 *
 * In memory there are the log's index (fleet_index.h, some 48 bytes for each token that the log has),
 * 24 bytes for each place, and a thousandth of the snapshot's size.
 *
 * Functions return 0 or -errno where the disk may refuse: fleet_cache_problem() says what, for people. */
#ifndef JETON_DAEMON_FLEET_FLEET_CACHE_H
#define JETON_DAEMON_FLEET_FLEET_CACHE_H

#include "daemon/fleet/fleet_entry.h"
#include "daemon/fleet/fleet_places.h"
#include "daemon/fleet/fleet_unsent.h"
#include "daemon/store/store_file.h"
#include "daemon/store/wal_format.h"
#include "proto/fleet.h"

struct fleet_cache;

/* Receives entries. */
struct fleet_visitor {
    /* Take an entry, which is valid during the call; false: no more are wanted. */
    bool (*visit)(struct fleet_visitor *visitor, const struct fleet_entry *entry);
    struct fleet_entry
        *entry; /* where fleet_cache_each() reads the next one to; NULL: where it likes */
};

/* Open the cache of a store, and create it if there is none, with a log of so many bytes, from 64 KiB to a
 * quarter GiB: before calls are restricted, see wal_begin().
 * A batch that was torn is cut off, as it was never acknowledged.  NULL: *problem says what is damaged,
 * and what to do; nothing was changed.  STATUS_BUSY: another process has it. */
struct fleet_cache *fleet_cache_open(const char *store, uint64_t log_size, struct problem *problem);

/* Likewise, with a log of this shape. */
struct fleet_cache *fleet_cache_open_shape(const char *store, const struct wal_shape *shape,
                                           struct problem *problem);

/* End what is under way, and free it.  NULL is allowed. */
void fleet_cache_close(struct fleet_cache *c);

/* Visit the newest state of every entry, tombstones too, in ascending order of digests, on another thread,
 * which has ended when this returns.  Nothing is staged, and no snapshot is taken.  False: *problem says what cannot
 * be read, or that the visitor wanted no more. */
bool fleet_cache_each(struct fleet_cache *c, struct fleet_visitor *visitor,
                      struct problem *problem);

/* Find an entry by its id, as staged, or else as saved.  STORE_FAILED: it cannot be read. */
enum store_found fleet_cache_find(struct fleet_cache *c, const uint8_t id[ID_SIZE],
                                  struct fleet_entry *entry);

/* Return how many entries the snapshot and the log have, at most: what is in both counts twice. */
uint64_t fleet_cache_count(const struct fleet_cache *c);

/* Return the size of both files in bytes. */
uint64_t fleet_cache_bytes(const struct fleet_cache *c);

/* Return why the last call failed, or the last compaction did. */
const struct problem *fleet_cache_problem(const struct fleet_cache *c);

/* -- batches ---------------------------------------------------------------------------------- */

/* Stage an entry, in place of what there is of its id: fleet_entry_merge() comes first, which keeps denials, and
 * refuses another digest with the same id.  -ENOMEM; -EINVAL: it has no group. */
int fleet_cache_put(struct fleet_cache *c, const struct fleet_entry *entry);

/* Save what is staged, and that the host is at a place (NULL: where it was).  0: it is on the disk.
 * Otherwise nothing is staged any more, and whether it is there is found out before the next commit, which
 * may succeed: fleet_cache_place() then says where the host is.  Waits for a compaction if the log is full;
 * -ENOSPC: it is, and that failed.  -EBUSY: with a place, while a snapshot is taken. */
int fleet_cache_commit(struct fleet_cache *c, const struct fleet_place *place);

/* True if an entry with this id is staged. */
bool fleet_cache_is_staged(const struct fleet_cache *c, const uint8_t id[ID_SIZE]);

/* Forget what is staged. */
void fleet_cache_abort(struct fleet_cache *c);

/* Begin a compaction if one is due, and end one that is done: call it once a second.  Does not wait for the
 * disk.  False: the last one failed, and will be tried again; fleet_cache_problem() says why. */
bool fleet_cache_step(struct fleet_cache *c);

/* -- a snapshot from the database -------------------------------------------------------------- */

/* Begin to take a snapshot, which replaces what is here when it is whole.  Nothing is staged.  A compaction
 * is given up.  Denials may be staged and committed meanwhile. */
int fleet_cache_snapshot_begin(struct fleet_cache *c);

/* Add the next entry, in ascending order of digests.  It is merged with what is here
 * (fleet_entry_merge_snapshot()) to *merged (NULL: not wanted; it may be the same).  -EEXIST: another digest with the same id was the
 * last one, or is here: it is left out, and the snapshot goes on.  -EINVAL: it is not the next; other errors of the
 * disk: the snapshot is to be aborted. */
int fleet_cache_snapshot_put(struct fleet_cache *c, const struct fleet_entry *entry,
                             struct fleet_entry *merged);

/* Complete it: the host is at this place, and at no earlier one.  What it had not is dropped, but for denied
 * tokens, of which a tombstone stays; `dropped` is given each as it was before (NULL: not wanted), when the new
 * file is complete on the disk, and shortly before it takes the old one's place.  Nothing is staged.
 * Otherwise -errno, and it has ended: what was here still is, unless fleet_cache_place() says that the host is at the new
 * place. */
int fleet_cache_snapshot_end(struct fleet_cache *c, const struct fleet_place *place,
                             struct fleet_visitor *dropped);

/* Give it up; what was here still is.  None may have begun. */
void fleet_cache_snapshot_abort(struct fleet_cache *c);

/* -- places ------------------------------------------------------------------------------------ */

/* Return where the host is; its serial is 0: nowhere yet. */
struct fleet_place fleet_cache_place(const struct fleet_cache *c);

/* List up to `max` of the last FLEET_PLACES_MAX places, the newest first, of those with a serial below `before` (0: all).
 * Return how many. */
size_t fleet_cache_places(const struct fleet_cache *c, uint64_t before, struct fleet_place *places,
                          size_t max);

/* Go back to one of those places, durably; later ones are forgotten.  Nothing is staged.  -ENOENT: it is not
 * among them; -EBUSY: a snapshot is taken. */
int fleet_cache_rewind(struct fleet_cache *c, const struct fleet_place *place);

/* -- denials that the database does not know yet ------------------------------------------------- */

/* Stage a denial to be sent.  Its number, which it gets here, is never used again.  -ENOMEM. */
int fleet_cache_unsent_add(struct fleet_cache *c, struct fleet_unsent *denial);

/* Stage that a denial was sent, or need not be.  -ENOENT: there is none with this number; -ENOMEM. */
int fleet_cache_unsent_remove(struct fleet_cache *c, uint64_t number);

/* Take the saved denial with the least number above *after (0: the first), and set *after to it.  False: there
 * is none. */
bool fleet_cache_unsent_next(const struct fleet_cache *c, uint64_t *after,
                             struct fleet_unsent *denial);

/* Return how many are saved. */
size_t fleet_cache_unsent_count(const struct fleet_cache *c);

#endif
