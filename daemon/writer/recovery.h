/* SPDX-License-Identifier: Apache-2.0 */
/* What follows a transaction that failed, until the store works again.  The writer's thread
 * only.
 *
 *     failed ─▶ the store is opened again ─▶ what it says of tokens in doubt is published
 *            ─▶ each change is told what became of it ─▶ denials are held, to be tried again */
#ifndef JETON_DAEMON_WRITER_RECOVERY_H
#define JETON_DAEMON_WRITER_RECOVERY_H

#include "daemon/writer/unsaved.h"
#include "daemon/writer/uncertain.h"
#include "daemon/table/creation_index.h"
#include "daemon/table/token_table.h"

enum { RECOVERY_CHANGES_MAX = 1024 }; /* in one transaction */

/* Nothing failed: all zeros but for what is the writer's and `readable`. */
struct recovery {
    struct store *store; /* these four are the writer's */
    struct journal *journal;
    struct token_table *token_table;
    struct creation_index *index;
    struct unsaved_denials unsaved; /* they stand in memory but are not saved */
    bool broken;                    /* the store must be opened again before anything is changed */
    bool readable;                  /* store and journal can be read */
    bool failure_logged;            /* the log says that the store does not work */
    uint64_t attempted;             /* the newest serial of a commit that failed; 0: none */
    size_t uncertain_count;         /* tokens that it may have changed */
    struct uncertain uncertain[2 * RECOVERY_CHANGES_MAX];
};

/* Says in each change of a batch what became of it, and holds what it denies.  `tried`: there was a
 * transaction, which failed; otherwise the store was broken before. */
void recovery_fail(struct recovery *r, const struct mail_list *batch, bool tried);

/* A transaction was committed: says so if the log's last word is that the store does not work. */
void recovery_end(struct recovery *r);

/* Opens the store again and settles what was in doubt; until that succeeds nothing is changed. */
bool recovery_run(struct recovery *r);

/* True if there is something to try again. */
bool recovery_is_due(const struct recovery *r);

/* Forgets what is held. */
void recovery_clear(struct recovery *r);

#endif
