/* SPDX-License-Identifier: Apache-2.0 */
/* The cache's state, for the files that are the cache: fleet_cache.c (open, read), fleet_commit.c (batches),
 * fleet_step.c (compaction), fleet_stream.c (a snapshot from the database).  The owner's thread. */
#ifndef JETON_DAEMON_FLEET_FLEET_CACHE_PRIVATE_H
#define JETON_DAEMON_FLEET_FLEET_CACHE_PRIVATE_H

#include "daemon/fleet/fleet_batch.h"
#include "daemon/fleet/fleet_compaction.h"
#include "daemon/store/store_file.h"
#include "daemon/store/wal.h"

struct fleet_stream;

struct fleet_cache {
    char path[PATH_MAX]; /* of the snapshot */
    struct wal *wal;
    int log; /* the log's file, open to be read at any place */
    struct fleet_snapshot *snapshot;
    struct fleet_index *active; /* what the log has since the snapshot, or since the frozen one */
    struct fleet_index *frozen; /* what the log had before, while that is merged; NULL: nothing */
    struct fleet_places places;
    struct fleet_unsent_list unsent;
    uint64_t numbered;    /* the greatest number that a denial got here */
    uint64_t frozen_next; /* the log's next serial when `frozen` was, and the places and denials: */
    struct fleet_places frozen_places;
    struct fleet_unsent_list frozen_unsent;
    struct fleet_batch staged;
    struct fleet_index *staged_index; /* offsets in its bytes */
    bool in_doubt;                    /* a piece may be in the log or not: */
    struct fleet_batch doubt;
    struct slice doubt_piece;
    uint64_t doubt_serial;
    bool
        unsure; /* the snapshot's name may be another's after a crash: nothing is saved before a new one is */
    bool failed;      /* the last compaction */
    int64_t retry_at; /* when to try again, clock_seconds() */
    struct fleet_compaction compaction;
    struct fleet_stream *stream; /* NULL: none is taken */
    struct problem problem;
};

/* Apply what a piece of the log has, whose bytes are at an offset in its file, in memory that was reserved for it.
 * False: it is no batch, or not one that follows. */
bool fleet_apply(struct fleet_cache *c, struct slice piece, uint64_t offset);

/* Have memory for what a piece has.  False: there is none. */
bool fleet_apply_reserve(struct fleet_cache *c, size_t entries, size_t unsent);

/* Find out whether a piece that is in doubt is in the log.  0 or -EIO. */
int fleet_settle(struct fleet_cache *c);

/* Read an entry of the log, and of an index.  STORE_ABSENT: it is not in the index. */
enum store_found fleet_find_logged(struct fleet_cache *c, const struct fleet_index *index,
                                   const uint8_t id[ID_SIZE], struct fleet_entry *entry);

/* Freeze the index, with places and denials.  False: no memory, or the log's end is not known. */
bool fleet_freeze(struct fleet_cache *c);

/* Undo that; false: no memory, and it stays frozen. */
bool fleet_unfreeze(struct fleet_cache *c);

/* Use a new snapshot, which has what is frozen; `durably`: its name is on the disk. */
void fleet_adopt(struct fleet_cache *c, struct fleet_snapshot *made, bool durably);

/* End a compaction that is running: wait for it, or have it give up. */
void fleet_end_compaction(struct fleet_cache *c, bool stop);

/* Compact now, unless that failed a moment ago.  False: it failed. */
bool fleet_compact_now(struct fleet_cache *c);

#endif
