/* SPDX-License-Identifier: Apache-2.0 */
/* One batch is one transaction, which mostly succeeds.  When it fails, disk_failure.h takes over;
 * when the store turns out to be full, the batch is queued again, and its creations are then
 * refused. */
#include "daemon/writer/commit.h"

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/base/probe.h"
#include "daemon/table/token_bans.h"
#include "daemon/writer/change_ban.h"
#include "daemon/writer/change_self.h"
#include "daemon/writer/commit_apply.h"
#include "daemon/writer/fleet_up.h"
#include "daemon/writer/publish.h"
#include "daemon/writer/scheme_load.h"

enum { EXPECT_MILLISECONDS = 50 }; /* the longest wait for expected changes */

/* Counts of a batch, without the changes that were refused. */
struct totals {
    uint64_t changes;
    uint64_t tokens; /* slots of the table: records that are put, aliases, bans */
    uint64_t bytes;  /* of their strings in the table */
};

static bool save_changes(struct writer *w, struct mail_list *batch, size_t space, int64_t now);
static bool save_batch(struct writer *w, struct mail_list *batch, size_t space, int64_t now);
static bool apply_batch(struct writer *w, struct mail_list *batch, size_t space, int64_t now,
                        struct totals *totals);
static bool reserve(struct writer *w, const struct totals *totals);
static bool commit(struct writer *w, uint64_t changes);
static void publish_batch(struct writer *w, const struct mail_list *batch, uint64_t changes);
static void requeue(struct writer *w, struct mail_list *batch);
static bool reserve_table(struct writer *w, uint64_t tokens, uint64_t bytes);
static void update_counters(struct writer *w);
static void save_unsaved(struct writer *w, int64_t now);

static struct change *change_of(struct mail *mail)
{
    return (struct change *)mail;
}

/* -- one batch ------------------------------------------------------------------------------- */

void commit_collect(struct writer *w)
{
    struct mail_list list = write_queue_take_changes(w->queue);

    mail_append_list(&w->waiting, &list);
}

void commit_retry(struct writer *w)
{
    w->retry = w->retry || disk_failure_is_due(&w->disk_failure);
}

/* Let a denial take effect whatever the disk will do. */
static void deny(struct writer *w, struct change *c, int64_t now)
{
    bool over = w->may_purge && ban_is_over(c->want.expires, now);

    if (w->disk_failure.broken)
        change_self_find(c, w->store);
    publish_denial(c, w->token_table);
    if (c->names == 0)
        return;
    reserve_table(w, c->names, 0); /* by this thread's priority; what denies tokens needs none */
    c->in_force = publish_ban(c->name, c->names, over, w->token_table);
}

/* Move waiting changes to the batch. */
static size_t take_batch(struct writer *w, struct mail_list *batch, size_t most, int64_t now)
{
    size_t count = 0;

    while (count < most && w->waiting.first != NULL) {
        struct change *c = change_of(mail_pop(&w->waiting));
        if (c->fleet_stage !=
            CHANGE_SETTLED) /* of one that is, another may have ended the denial since */
            deny(w, c, now);
        if (fleet_up_takes(w, c, now))
            continue;
        mail_append(batch, &c->mail);
        count++;
    }
    return count;
}

void commit_prepare(struct writer *w, int64_t now)
{
    w->retry = false;
    if (!w->disk_failure.broken || disk_failure_recover(&w->disk_failure))
        save_unsaved(w, now);
    update_counters(w);
}

bool commit_batch(struct writer *w, int64_t now)
{
    struct mail_list batch = { NULL, NULL };

    scheme_load(w);
    size_t count = take_batch(w, &batch, COMMIT_BATCH_MAX, now);

    if (count == 0 && !w->retry)
        return false;
    commit_prepare(w, now);
    if (count > 0 || w->history.unsaved)
        save_batch(w, &batch, COMMIT_BATCH_MAX - count, now);
    return true;
}

/* Note the tokens of a batch, whatever becomes of it. */
static void note_touched(struct writer *w, const struct mail_list *batch)
{
    for (const struct mail *m = batch->first; m != NULL && w->touched.users > 0; m = m->next) {
        const struct change *c = (const struct change *)m;
        if (change_writes(c))
            touched_note(&w->touched, c->after->digest);
        if (change_writes(c) && c->rotates)
            touched_note(&w->touched, c->found.digest);
    }
}

/* Save and publish a batch, to which up to `space` more changes may be added.  False: it failed, or
 * was queued again. */
static bool save_changes(struct writer *w, struct mail_list *batch, size_t space, int64_t now)
{
    bool tried = !w->disk_failure.broken, was_at_limit = w->at_size_limit;
    struct totals totals = { 0 };

    bool saved = tried && journal_begin(w->journal) == 0 && store_begin(w->store) &&
                 apply_batch(w, batch, space, now, &totals) &&
                 (totals.changes == 0 || reserve(w, &totals)) && commit(w, totals.changes);
    store_abandon(w->store);
    expiry_warning_settle(&w->expiry_warning, saved);
    note_touched(w, batch);
    if (saved) {
        subject_counts_keep(&w->policy.counts);
        w->newest_time = totals.changes > 0 ? now : w->newest_time;
        publish_batch(w, batch, totals.changes);
    } else if (w->at_size_limit && !was_at_limit) {
        requeue(w, batch);
    } else {
        disk_failure_handle(&w->disk_failure, batch, tried);
        write_queue_count_failure(w->queue);
    }
    update_counters(w); /* whoever has an answer finds it counted */
    return saved;
}

/* Likewise, and answer it. */
static bool save_batch(struct writer *w, struct mail_list *batch, size_t space, int64_t now)
{
    bool saved = save_changes(w, batch, space, now);

    held_answers_publish(&w->held_answers, batch);
    write_queue_set_held(w->queue, w->held_answers.count);
    return saved;
}

/* Take back what the transaction, which has failed, did not come to. */
static void handle_untried(struct writer *w, struct mail_list *changes)
{
    struct mail_list untried = { NULL, NULL };

    while (w->waiting.first != NULL && change_of(w->waiting.first)->of_many &&
           change_of(w->waiting.first)->fleet_stage == CHANGE_LOCAL)
        mail_append(&untried, mail_pop(&w->waiting));
    disk_failure_handle(&w->disk_failure, &untried, false);
    mail_append_list(changes, &untried);
}

void commit_together(struct writer *w, struct mail_list *changes, int64_t now)
{
    struct mail_list batch = *changes;
    size_t count = 0;

    for (struct mail *m = batch.first; m != NULL; m = m->next, count++)
        deny(w, change_of(m), now);
    bool reserved = disk_failure_reserve(&w->disk_failure, count);
    if (!reserved)
        disk_failure_handle(&w->disk_failure, &batch, false);
    else if (!save_changes(w, &batch, 0, now))
        handle_untried(w, &batch);
    *changes = batch;
}

/* Add to the batch what was posted while the rest was applied, and wait a moment for changes that
 * are expected.  `expected` is read first: a session posts its changes before it takes back that it
 * expects to. */
static bool take_more(struct writer *w, struct mail_list *batch, size_t *space, int64_t now)
{
    for (int waited = 0;; waited++) {
        bool expected = write_queue_is_expecting(w->queue) && waited < EXPECT_MILLISECONDS;
        commit_collect(w);
        if (scheme_load_is_wanted(w))
            return false; /* with the next batch: the table is made ready between two */
        size_t taken = take_batch(w, batch, *space, now);
        *space -= taken;
        if (taken > 0 || *space == 0 || !expected)
            return taken > 0;
        write_queue_await_change(w->queue, 1);
    }
}

static void add_record(struct totals *totals, const struct record *r)
{
    totals->tokens += 1 + (uint64_t)r->has_signed;
    totals->bytes += (uint64_t)r->subject_len + r->scopes_len;
}

static void add(struct writer *w, struct totals *totals, const struct change *c)
{
    totals->changes++;
    totals->tokens += token_table_keeps_bans(w->token_table) ? c->bans : 0;
    if (c->puts && (!c->of_many || c->kind->shows_claims)) /* many that are there need no growth */
        add_record(totals, c->after);
    if (c->rotates)
        add_record(totals, &c->found);
}

/* Apply the changes of a batch.  False: the transaction is spoilt; changes that were not tried yet
 * go back to the front of those that wait. */
static bool apply_batch(struct writer *w, struct mail_list *batch, size_t space, int64_t now,
                        struct totals *totals)
{
    struct mail_list done = { NULL, NULL };
    bool ok = true;

    w->twins = (struct twins){ NULL };
    w->store_before = store_size(w->store);
    w->tokens = journal_tokens(w->journal);
    while (ok && (batch->first != NULL || take_more(w, batch, &space, now))) {
        struct change *c = change_of(mail_pop(batch));
        if (batch->first != NULL)
            change_prefetch(change_of(batch->first));
        mail_append(&done, &c->mail);
        ok = commit_apply_change(w, c, now);
        if (change_writes(c))
            add(w, totals, c);
    }
    mail_append_list(batch, &w->waiting);
    w->waiting = *batch;
    *batch = done;
    return ok;
}

/* Raise the priority while the table grows: it is locked for long, and a worker with a denial may
 * wait for it. */
static bool reserve_table(struct writer *w, uint64_t tokens, uint64_t bytes)
{
    if (token_table_can_add(w->token_table, tokens, bytes))
        return true;
    thread_priority_raise(&w->priority);
    int error = token_table_reserve(w->token_table, tokens, bytes);
    thread_priority_lower(&w->priority);
    return error == 0;
}

/* Reserve memory before the commit, so that publishing what is on the disk cannot fail. */
static bool reserve(struct writer *w, const struct totals *totals)
{
    if (creation_index_reserve(&w->index, totals->tokens) == 0 &&
        subject_index_reserve(&w->subjects, totals->tokens) &&
        reserve_table(w, totals->tokens, totals->bytes))
        return true;
    if (!w->disk_failure.failure_logged)
        log_error("table: no memory for a larger one; changes are refused until there is");
    return false;
}

/* Commit the epoch alone. */
static bool commit_epoch(struct writer *w)
{
    if (!w->history.unsaved)
        return true;
    bool saved = history_put(&w->history) && store_commit(w->store);
    if (saved)
        history_saved(&w->history);
    return saved;
}

static bool commit(struct writer *w, uint64_t changes)
{
    if (changes == 0)
        return commit_epoch(w);
    journal_end(w->journal, w->tokens);
    uint64_t began = clock_monotonic();
    bool saved = history_put(&w->history) && store_put_journal(w->store, w->journal) &&
                 expiry_warning_put(&w->expiry_warning, w->store) && store_commit(w->store);
    if (saved)
        history_saved(&w->history);
    uint64_t taken = clock_monotonic() - began;
    write_queue_count_time(w->queue, taken);
    PROBE(commit, saved ? changes : 0, taken);
    return saved;
}

static void publish_batch(struct writer *w, const struct mail_list *batch, uint64_t changes)
{
    for (struct mail *m = batch->first; m != NULL; m = m->next) {
        struct change *c = change_of(m);
        if (m->next != NULL)
            change_prefetch(change_of(m->next));
        publish_denial_end(c, w->token_table);
        if (!change_writes(c))
            continue;
        w->at_size_limit = w->at_size_limit && !c->removes;
        change_self_index(c, w->token_table, &w->subjects);
        publish_change(c, w->token_table, &w->index, w->last_used);
        if (c->removes && w->refused != NULL)
            refused_remove(w->refused, c->after->digest);
        publish_report(c);
        w->bans += c->new_bans;
        w->bans -= c->lapses;
    }
    if (changes > 0) {
        write_queue_count_commit(w->queue, changes);
        disk_failure_note_commit(&w->disk_failure);
    }
    PROBE(publish, changes, journal_newest(w->journal));
}

static void update_counters(struct writer *w)
{
    uint64_t newest = journal_newest(w->journal);

    write_queue_set_ban_count(w->queue, w->bans);
    if (!w->disk_failure.broken) {
        history_note(&w->history, newest); /* before anybody is shown it */
        write_queue_set_newest(w->queue, newest);
    }
    write_queue_set_unsaved(w->queue, w->disk_failure.unsaved.count);
}

/* -- a store at its size limit, and unsaved denials ------------------------------------------ */

/* Queue a batch again that found the store full: this time what would make the file grow is
 * refused. */
static void requeue(struct writer *w, struct mail_list *batch)
{
    subject_counts_undo(&w->policy.counts);
    for (struct mail *m = batch->first; m != NULL; m = m->next)
        change_reset(change_of(m));
    mail_append_list(batch, &w->waiting);
    w->waiting = *batch;
    *batch = (struct mail_list){ NULL, NULL };
    disk_failure_recover(&w->disk_failure); /* the journal in memory has entries of this batch */
}

/* Save unsaved denials in batches of their own, so that one which fails again delays nothing
 * else. */
static void save_unsaved(struct writer *w, int64_t now)
{
    for (bool ok = true; ok && w->disk_failure.unsaved.first != NULL;) {
        struct mail_list batch = { NULL, NULL };
        size_t count = unsaved_take(&w->disk_failure.unsaved, &batch, COMMIT_BATCH_MAX);
        ok = count > 0 && save_batch(w, &batch, 0, now);
    }
}
