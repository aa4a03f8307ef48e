/* SPDX-License-Identifier: Apache-2.0 */
/* Merge what the log has of the fleet's tokens into a new snapshot, in a thread of its own.
 *
 *     owner's thread        begin ──────────────────────── is_done, wait ──▶ outcome
 *     compaction's thread     └─▶ walk, write, sync, rename ─▶┘
 *
 * From begin to wait the snapshot, the index and what the log's file has of it are constant; both threads
 * read them. */
#ifndef JETON_DAEMON_FLEET_FLEET_COMPACTION_H
#define JETON_DAEMON_FLEET_FLEET_COMPACTION_H

#include <pthread.h>
#include <stdatomic.h>

#include "daemon/fleet/fleet_walk.h"
#include "daemon/fleet/fleet_writing.h"

/* What is to be merged: the owner's, and constant until it has ended. */
struct fleet_compaction_job {
    const char *path; /* of the snapshot */
    const struct fleet_snapshot *snapshot;
    const struct fleet_index *index;
    int log;
    uint64_t next; /* the first serial of the log that is not in the index */
    int64_t now;   /* tombstones that ended before are left out, unless they deny */
    const struct fleet_places *places;
    const struct fleet_unsent_list *unsent;
};

struct fleet_compaction {
    struct fleet_compaction_job job;
    pthread_t thread;
    bool running; /* the owner's: begun, and not waited for */
    bool in_thread;
    atomic_bool stop;
    atomic_bool done;
    enum fleet_published published; /* from here on: of the thread until it is done */
    struct fleet_snapshot *made;    /* NULL: it failed */
    struct problem problem;
};

/* Begin; without a thread, do it now. */
void fleet_compaction_begin(struct fleet_compaction *c, const struct fleet_compaction_job *job);

bool fleet_compaction_is_done(const struct fleet_compaction *c);

/* Have it give up soon. */
void fleet_compaction_stop(struct fleet_compaction *c);

/* Wait for its end: `published`, `made` (the caller's from then on) and `problem` are its outcome. */
void fleet_compaction_wait(struct fleet_compaction *c);

#endif
