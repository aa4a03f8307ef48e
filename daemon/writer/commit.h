/* SPDX-License-Identifier: Apache-2.0 */
/* The one thread that touches the disk.  It takes every waiting change as one
 * transaction, publishes what was committed, and answers.
 *
 *     changes ─▶ denials take effect ─▶ decide, put, journal ─▶ commit ─▶ publish ─▶ answers
 *
 * A commit that may or may not have happened is answered with ERR store; the store is opened
 * again, and what it then says of the tokens concerned is published.  Denials stand all the same:
 * they are kept, and tried again before every later change and every second, until the disk has
 * them. */
#ifndef JETON_DAEMON_WRITER_COMMIT_H
#define JETON_DAEMON_WRITER_COMMIT_H

#include "daemon/writer/change.h"
#include "daemon/base/histogram.h"
#include "daemon/writer/last_used.h"
#include "daemon/table/creation_index.h"
#include "daemon/base/thread.h"
#include "daemon/table/token_table.h"
#include "daemon/writer/recovery.h"

enum { WRITER_BATCH_MAX = RECOVERY_CHANGES_MAX };

struct writer {
    struct mailbox box;              /* struct change; any thread posts */
    atomic_int expected;             /* sessions that are about to post more; any thread */
    struct token_table *token_table; /* any thread, by its own rules */
    _Atomic uint64_t unsaved; /* denials that stand in memory alone; these five are read by */
    _Atomic uint64_t commits; /* any thread */
    _Atomic uint64_t changes;
    _Atomic uint64_t failures;
    _Atomic uint64_t newest;      /* the journal's newest serial */
    struct histogram commit_time; /* any thread reads it */

    struct store *store;         /* from here on: the writer's thread only */
    struct last_used *last_used; /* NULL: nothing to forget there; not owned */
    struct journal *journal;
    struct creation_index order;
    struct thread_priority priority; /* of its thread; zeros until that runs */
    struct mail_list waiting;        /* not yet in a batch */
    bool retry;                      /* time to try again what failed */
    bool full;                       /* only a larger file could take in another token */
    uint64_t store_limit;            /* bytes: beyond this the file is not made larger for that */
    uint64_t store_before;           /* its size when the transaction began */
    uint64_t tokens;                 /* in the store, as far as the transaction got */
    struct recovery recovery;
};

/* Lets the process keep the memory of one transaction for the next.  Before other threads run. */
void writer_keep_memory(void);

/* Loads the store's tokens into a new table and order.  The writer then owns store and journal.
 * False: *problem says why; the caller still owns the store. */
bool writer_init(struct writer *w, struct store *store, const char *prefix,
                 uint64_t journal_entries, struct problem *problem);
void writer_destroy(struct writer *w);

/* Posts changes to the writer, after what they deny has taken effect: a denial does not wait for
 * the disk even if the writer does.  Any thread. */
void writer_post(struct writer *w, struct mail_list *changes);

/* `by` 1: there are more changes than were posted so far, and they are posted in a moment, which a
 * batch waits for.  `by` -1: now they were.  Any thread. */
void writer_expect(struct writer *w, int by);

/* Takes what came by mail. */
void writer_collect(struct writer *w);

/* Makes and answers one batch out of what is waiting, and of what comes while it is decided; true if
 * there was any. */
bool writer_batch(struct writer *w, int64_t now);

/* Lets the next batch first open a broken store and save the denials that are held; called about
 * every second. */
void writer_retry(struct writer *w);

#endif
