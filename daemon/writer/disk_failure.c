/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/disk_failure.h"

#include <stdlib.h>

#include "daemon/base/journald.h"
#include "daemon/base/log.h"
#include "daemon/writer/publish.h"

static enum outcome find_outcome(struct disk_failure *r, const struct mail_list *batch);
static bool in_force(struct disk_failure *r, const struct change *c);
static void log_state(struct disk_failure *r, bool works);

bool disk_failure_reserve(struct disk_failure *r, size_t changes)
{
    if (changes <= r->changes_max)
        return true;
    void *more = reallocarray(r->uncertain, UNCERTAIN_MAX * changes, sizeof(*r->uncertain));
    if (more == NULL)
        return false;
    r->uncertain = more;
    r->changes_max = changes;
    return true;
}

void disk_failure_handle(struct disk_failure *r, const struct mail_list *batch, bool tried)
{
    for (struct mail *m = batch->first; m != NULL; m = m->next)
        publish_denial_end((struct change *)m, r->token_table);
    enum outcome outcome = tried ? find_outcome(r, batch) : OUTCOME_NOTHING;
    for (struct mail *m = batch->first; m != NULL; m = m->next) {
        struct change *c = (struct change *)m;
        if (c->fleet_stage ==
            CHANGE_SETTLED) /* by the fleet's database: only the entry is not saved */
            continue;
        bool denied = outcome != OUTCOME_DONE && in_force(r, c);
        if (denied)
            unsaved_add(&r->unsaved, c, r->token_table);
        if (outcome == OUTCOME_DONE && change_writes(c))
            publish_report(c);
        uncertain_explain(c, outcome, denied);
    }
    log_state(r, false);
}

void disk_failure_note_commit(struct disk_failure *r)
{
    log_state(r, true);
}

/* Reopen the store and find out what became of the batch: it is done if the store has the journal
 * entry of its last change.  Its serial is taken from the changes, because the journal in memory
 * may lack the very entry that failed. */
static enum outcome find_outcome(struct disk_failure *r, const struct mail_list *batch)
{
    uint64_t last = 0; /* serial; 0: no change was to be saved */

    for (const struct mail *m = batch->first; m != NULL; m = m->next) {
        const struct change *c = (const struct change *)m;
        if (!change_writes(c))
            continue;
        last = c->serial > last ? c->serial : last;
        r->bans_attempted += c->new_bans - c->lapses;
        r->uncertain_count += uncertain_of(c, &r->uncertain[r->uncertain_count]);
    }
    r->attempted = last;
    if (!disk_failure_recover(r))
        return last > 0 ? OUTCOME_UNCERTAIN : OUTCOME_NOTHING;
    return last > 0 && journal_newest(r->journal) >= last ? OUTCOME_DONE : OUTCOME_NOTHING;
}

/* True if the change denies a token that the table holds, or may hold once the store can be
 * read; or what has a ban that is in the table. */
static bool in_force(struct disk_failure *r, const struct change *c)
{
    uint8_t digest[DIGEST_SIZE];
    int64_t used;

    if (c->names > 0 || c->withheld)
        return c->in_force;
    if (c->kind->deny != 0 && uncertain_contains(r->uncertain, r->uncertain_count, c->id))
        return true;
    return (token_table_look(r->token_table, c->id, digest, &used) & c->kind->deny) != 0;
}

/* Log once that the store does not work, and once that it does again. */
static void log_state(struct disk_failure *r, bool works)
{
    const struct journald_entry event = { .kind = works ? JOURNALD_STORE_MENDED :
                                                          JOURNALD_STORE_FAILED,
                                          .uid = JOURNALD_NOBODY };

    if (r->failure_logged != works)
        return;
    r->failure_logged = !works;
    journald_report(
        &event, works ?
                    "store: it can be written again" :
                    "store: it cannot be written; changes are refused until it can, denials stand");
}

bool disk_failure_recover(struct disk_failure *r)
{
    struct problem problem;

    r->broken = true;
    journal_clear(r->journal);
    r->readable = store_reopen(r->store, &problem) &&
                  store_load_journal(r->store, r->journal, &problem);
    if (!r->readable || !store_repair(r->store, &problem)) {
        if (!r->failure_logged)
            log_error("%s", problem.message);
        return false;
    }
    if (journal_newest(r->journal) < r->attempted) {
        store_shrink(r->store);
        subject_counts_undo(r->counts);
    } else {
        *r->bans += (uint64_t)r->bans_attempted;
        subject_counts_keep(r->counts);
    }
    r->attempted = 0;
    r->bans_attempted = 0;
    while (r->uncertain_count > 0) {
        if (!uncertain_resolve(&r->uncertain[r->uncertain_count - 1], r->store, r->token_table,
                               r->index, r->subjects))
            return false;
        r->uncertain_count--;
    }
    unsaved_reapply(&r->unsaved, r->token_table);
    r->broken = false;
    return true;
}

void disk_failure_clear(struct disk_failure *r)
{
    unsaved_clear(&r->unsaved);
    free(r->uncertain);
    r->uncertain = NULL;
}

bool disk_failure_is_due(const struct disk_failure *r)
{
    return r->broken || r->unsaved.first != NULL;
}
