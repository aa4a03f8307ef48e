/* SPDX-License-Identifier: Apache-2.0 */
/* The host's part in its fleet: what the writer's thread has of it beside table and indexes.
 *
 *     cache (daemon/fleet/fleet_cache.h)   what the fleet has, on the disk: for the next start
 *     status (fleet_status.h)              what sessions may know, and the lease
 *
 * A host that is in no fleet has none of it.  The writer's thread only, but for `status`. */
#ifndef JETON_DAEMON_WRITER_FLEET_H
#define JETON_DAEMON_WRITER_FLEET_H

#include "daemon/fleet/fleet_cache.h"
#include "daemon/writer/fleet_effects.h"
#include "daemon/writer/fleet_note.h"
#include "daemon/writer/fleet_status.h"
#include "daemon/writer/fleet_uncounted.h"

struct writer;

/* A walk over the creation index for tokens that a snapshot brought which was given up. */
struct fleet_sweep {
    bool wanted;
    int64_t created; /* of the last entry that was looked at */
    uint64_t serial;
};

/* What this host answers about. */
enum fleet_answered {
    FLEET_NOTHING, /* without a lease */
    FLEET_KNOWN,   /* tokens that it knows: the policy `stale = keep` */
    FLEET_ALL,
};

struct fleet {
    struct fleet_cache *cache;
    struct fleet_status *status;
    struct fleet_figures figures; /* as `status` shows them: fleet_show() */
    uint64_t snapshot;            /* the number of who brings one, which is under way; 0: none is */
    uint64_t snapshot_count;      /* tokens that came of it */
    struct fleet_effects effects; /* of what is applied */
    struct fleet_effects entries; /* of single tokens: what is staged, and not committed */
    struct fleet_effects doubtful; /* of a commit that failed, and may have happened all the same */
    struct fleet_sweep sweep;
    struct fleet_uncounted uncounted; /* of the snapshot that is under way, or swept up */
    struct fleet_notes notes;
    int64_t touched_since; /* uses from then on are news: seconds since 1970 */
    int64_t touched_began; /* when the list of them began that is being read */
    bool compaction_failed;
    uint64_t spread_logged;       /* clock_monotonic(); 0: it never was */
    enum fleet_answered answered; /* as logged last */
    bool failure_logged;          /* the last log message says that the cache cannot be written */
};

/* Open the cache beside a store; a new one has a log of so many bytes.  NULL: *problem. */
struct fleet *fleet_open(const char *store, uint64_t log_size, struct token_table *token_table,
                         struct problem *problem);
void fleet_close(struct fleet *f);

/* Show sessions the figures as they are now. */
void fleet_show(struct fleet *f);

/* Read a token of the fleet as the cache has it, with the serial that the indexes know it by.  STORE_ABSENT also of
 * a tombstone. */
enum store_found fleet_read(struct fleet *f, const uint8_t id[ID_SIZE], struct record *r);

/* Return that serial, which is made of the digest: greater than all of the journal, and in the order of digests. */
uint64_t fleet_serial(const uint8_t digest[DIGEST_SIZE]);

/* True if a serial is one of these. */
bool fleet_serial_is(uint64_t serial);

#endif
