/* SPDX-License-Identifier: Apache-2.0 */
/* Handle a transaction that failed, and get the store to work again.  The writer's thread only.
 *
 *     failed ─▶ reopen the store ─▶ publish what it has of the uncertain tokens
 *            ─▶ explain to each change what became of it ─▶ keep its denial, to be retried */
#ifndef JETON_DAEMON_WRITER_DISK_FAILURE_H
#define JETON_DAEMON_WRITER_DISK_FAILURE_H

#include "daemon/table/creation_index.h"
#include "daemon/table/subject_counts.h"
#include "daemon/table/token_table.h"
#include "daemon/writer/uncertain.h"
#include "daemon/writer/unsaved.h"

enum { DISK_FAILURE_CHANGES_MAX = 1024 }; /* in one transaction */

/* All zeros but for the writer's members and `readable` until something fails. */
struct disk_failure {
    struct store *store; /* these seven are the writer's */
    struct journal *journal;
    struct token_table *token_table;
    struct creation_index *index;
    struct subject_index *subjects;
    uint64_t *bans;
    struct subject_counts *counts;
    struct unsaved_denials unsaved;
    bool broken;            /* the store must be reopened before anything is changed */
    bool readable;          /* store and journal can be read */
    bool failure_logged;    /* the last log message says that the store does not work */
    uint64_t attempted;     /* the newest serial of a commit that failed; 0: none */
    int64_t bans_attempted; /* how many more bans the store has if it is done all the same */
    size_t uncertain_count; /* tokens and bans that it may have changed */
    struct uncertain *uncertain;
    size_t changes_max; /* that it has memory for */
};

/* Get memory for what a transaction of so many changes may leave uncertain; false: there is none. */
bool disk_failure_reserve(struct disk_failure *r, size_t changes);

/* Set the problem of each change of a failed batch, and keep its denials as unsaved.  `tried`:
 * there was a transaction, which failed; otherwise the store was broken before. */
void disk_failure_handle(struct disk_failure *r, const struct mail_list *batch, bool tried);

/* Note that a transaction was committed; log it if the store did not work before. */
void disk_failure_note_commit(struct disk_failure *r);

/* Reopen the store and resolve what was uncertain; until that succeeds nothing is changed. */
bool disk_failure_recover(struct disk_failure *r);

/* True if there is something to try again. */
bool disk_failure_is_due(const struct disk_failure *r);

/* Free the unsaved denials. */
void disk_failure_clear(struct disk_failure *r);

#endif
