/* SPDX-License-Identifier: Apache-2.0 */
/* What is private to the writer's thread: the store, its journal, and the writer's half of the
 * table.  Other threads reach the writer through its queue alone. */
#ifndef JETON_DAEMON_WRITER_WRITER_STATE_H
#define JETON_DAEMON_WRITER_WRITER_STATE_H

#include "daemon/base/thread.h"
#include "daemon/store/history.h"
#include "daemon/table/creation_index.h"
#include "daemon/table/subject_index.h"
#include "daemon/table/token_table.h"
#include "daemon/writer/change_rate.h"
#include "daemon/writer/disk_failure.h"
#include "daemon/writer/expiry_warning.h"
#include "daemon/writer/fleet.h"
#include "daemon/writer/held_answers.h"
#include "daemon/writer/last_used.h"
#include "daemon/writer/policy_check.h"
#include "daemon/writer/refused.h"
#include "daemon/writer/touched.h"
#include "daemon/writer/twins.h"
#include "daemon/writer/write_queue.h"

struct fleet_up;

struct writer {
    struct write_queue *queue;       /* any thread, by its own rules */
    struct token_table *token_table; /* likewise */
    struct store *store;
    struct journal *journal;
    struct fleet *fleet;       /* NULL: the host is in no fleet */
    struct fleet_up *fleet_up; /* likewise, its changes for the database */
    struct history history;
    struct creation_index index;
    struct subject_index subjects;
    struct change_rates rates;       /* of users */
    struct last_used *last_used;     /* NULL: times of last use are not kept; not owned */
    struct refused *refused;         /* likewise, refusals */
    struct thread_priority priority; /* of its thread; zeros until that runs */
    struct policy_check policy;
    struct expiry_warning expiry_warning;
    struct twins twins; /* of the batch that is applied */
    struct touched touched;
    struct mail_list waiting; /* changes that are not yet in a batch */
    bool retry;               /* the next batch first tries again what failed */
    bool at_size_limit;       /* the store takes no further token */
    bool may_purge;           /* the clock is good enough to find that something is over */
    uint64_t store_limit;     /* bytes: a token that makes the file larger is refused */
    uint64_t store_before;    /* the file's size when the transaction began */
    int64_t newest_time;      /* of the journal's newest entry; 0: there is none */
    uint64_t tokens;          /* in the store, as far as the transaction got */
    uint64_t bans;            /* in the store */
    struct disk_failure disk_failure;
    struct held_answers held_answers;
    struct {
        uint64_t returned; /* the newest change when memory was given back last */
        uint64_t newest;   /* and at the last look */
        int64_t since;     /* CLOCK_MONOTONIC, seconds: from when on it is the newest */
    } memory;
};

/* Let the process keep the memory of one transaction for the next.  Before other threads run. */
void writer_keep_memory(void);

/* Give it back, after many changes that no others followed.  The writer's thread, whenever a second or more has
 * passed. */
void writer_return_memory(struct writer *w);

/* Load the store's tokens into a new table and index.  The writer then owns store and journal.
 * False: *problem says why; the caller still owns the store. */
bool writer_init(struct writer *w, struct store *store, const char *prefix,
                 uint64_t journal_entries, struct problem *problem);
void writer_destroy(struct writer *w);

#endif
