/* SPDX-License-Identifier: Apache-2.0 */
/* Announce tokens that will expire soon: [policy] warn.  The writer's thread only.
 *
 *     walk over the table, a step a second ─▶ tokens that have so little left ─▶ in the order of
 *     their times: an entry of the journal each ─▶ the mark (store/expiry_marks.h) behind the last
 *
 * A token is announced once for each warning: when it is found behind the mark of the shortest
 * warning that it is within.  A renewal moves it ahead of the mark, so that it is announced again in
 * its time; one that ends sooner than its warning from the beginning never gets there.  Entries and
 * mark are saved together, so that a restart neither repeats nor loses any.  The same walk counts
 * tokens by their state, and by the time that they have left. */
#ifndef JETON_DAEMON_WRITER_EXPIRY_WARNING_H
#define JETON_DAEMON_WRITER_EXPIRY_WARNING_H

#include "daemon/config/policy.h"
#include "daemon/store/expiry_marks.h"
#include "daemon/table/token_table.h"
#include "daemon/writer/change.h"
#include "daemon/writer/write_queue.h"

/* A token that is to be announced. */
struct expiring_token {
    int64_t time; /* when it began to have no more than `warn` seconds left */
    int64_t warn;
    uint8_t id[ID_SIZE];
};

/* All zeros: at the beginning. */
struct expiry_warning {
    struct expiry_marks marks; /* as far as the transaction got */
    bool loaded;               /* they are the store's */
    int64_t saved;             /* the newest time of the marks that are on the disk */
    bool moved;                /* the transaction has announcements */

    uint32_t slot;   /* where the round goes on */
    int64_t began;   /* when it did: all is judged by this time; 0: no round */
    uint64_t round;  /* its number */
    size_t warnings; /* that it looks for, the longest first */
    int64_t warn[POLICY_WARNINGS_MAX];
    uint64_t count[TOKENS_LEFT_COUNTS];
    uint64_t states[STATUS_COUNT];
    bool overflow; /* more were found than are kept: those come in the next round */

    struct expiring_token *found; /* the first ones; a heap while they are gathered */
    size_t found_count;
    size_t announced; /* so many of them are dealt with */
};

void expiry_warning_end(struct expiry_warning *e);

/* Go on with the walk, or queue the next announcements to `changes`; called about every second.
 * `policies` may be NULL; `may_announce`: the clock is good enough. */
void expiry_warning_step(struct expiry_warning *e, struct store *store, struct token_table *table,
                         const struct policies *policies, bool may_announce, int64_t now,
                         struct write_queue *counts, struct mail_list *changes);

/* Put the marks, if the transaction has moved them, or they were not saved for long.  False: the
 * transaction is spoilt. */
bool expiry_warning_put(struct expiry_warning *e, struct store *store);

/* The transaction has ended.  If it was not saved, the store says how far the marks are. */
void expiry_warning_settle(struct expiry_warning *e, bool saved);

#endif
