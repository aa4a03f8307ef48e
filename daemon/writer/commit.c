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
#include "daemon/writer/publish.h"
#include "daemon/writer/scheme_load.h"

enum { EXPECT_MILLISECONDS = 50 }; /* the longest wait for expected changes */

/* Counts of a batch, without the changes that were refused. */
struct totals {
    uint64_t changes;
    uint64_t tokens; /* slots of the table: records that are put, aliases, bans */
    uint64_t bytes;  /* of their strings in the table */
};

static bool save_batch(struct writer *w, struct mail_list *batch, size_t space, int64_t now);
static bool apply_batch(struct writer *w, struct mail_list *batch, size_t space, int64_t now,
                        struct totals *totals);
static bool apply_one(struct writer *w, struct change *c, int64_t now);
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
        deny(w, c, now);
        mail_append(batch, &c->mail);
        count++;
    }
    return count;
}

bool commit_batch(struct writer *w, int64_t now)
{
    struct mail_list batch = { NULL, NULL };

    scheme_load(w);
    size_t count = take_batch(w, &batch, COMMIT_BATCH_MAX, now);

    if (count == 0 && !w->retry)
        return false;
    w->retry = false;
    if (!w->disk_failure.broken || disk_failure_recover(&w->disk_failure))
        save_unsaved(w, now);
    update_counters(w);
    if (count > 0 || w->history.unsaved)
        save_batch(w, &batch, COMMIT_BATCH_MAX - count, now);
    return true;
}

/* Save, publish and answer a batch, to which up to `space` more changes may be added.  False: it
 * failed, or was queued again. */
static bool save_batch(struct writer *w, struct mail_list *batch, size_t space, int64_t now)
{
    bool tried = !w->disk_failure.broken, was_at_limit = w->at_size_limit;
    struct totals totals = { 0 };

    bool saved = tried && journal_begin(w->journal) == 0 && store_begin(w->store) &&
                 apply_batch(w, batch, space, now, &totals) &&
                 (totals.changes == 0 || reserve(w, &totals)) && commit(w, totals.changes);
    store_abandon(w->store);
    if (saved) {
        w->newest_time = totals.changes > 0 ? now : w->newest_time;
        publish_batch(w, batch, totals.changes);
    } else if (w->at_size_limit && !was_at_limit) {
        requeue(w, batch);
    } else {
        disk_failure_handle(&w->disk_failure, batch, tried);
        write_queue_count_failure(w->queue);
    }
    update_counters(w); /* whoever has an answer finds it counted */
    held_answers_publish(&w->held_answers, batch);
    write_queue_set_held(w->queue, w->held_answers.count);
    return saved;
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
    if (c->puts)
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
        ok = apply_one(w, c, now);
        if (change_writes(c))
            add(w, totals, c);
    }
    mail_append_list(batch, &w->waiting);
    w->waiting = *batch;
    *batch = done;
    return ok;
}

/* Refuse a change to a token whose denial is not saved yet: the store still considers the token
 * valid, and what was denied must not be enabled or replaced on its word. */
static bool denied_unsaved(struct writer *w, struct change *c)
{
    const struct record *concerned = c->rotates ? &c->found : c->after;

    if (c->kind->deny != 0 || c->names > 0 || c->removes || !c->puts ||
        !unsaved_denies(&w->disk_failure.unsaved, concerned))
        return false;
    problem_set(&c->problem, STATUS_STORE,
                "a denial of this token is in force but not saved yet; "
                "other changes to it are refused until it is");
    return true;
}

static bool add_token(struct writer *w, struct change *c)
{
    enum store_found found = store_add(w->store, c->after);

    if (found == STORE_FOUND) {
        problem_set(&c->problem, STATUS_EXISTS, "%s", status_row(STATUS_EXISTS)->meaning);
        c->puts = c->rotates = c->is_new = false;
        c->bans = c->new_bans = c->lapses = 0;
    }
    return found != STORE_FAILED;
}

/* Put the outcome into the store; refuse to add a token that is there.  False: the transaction is
 * spoilt. */
static bool put(struct writer *w, struct change *c)
{
    bool ok = true;

    if (c->removes)
        ok = store_remove(w->store, c->after->digest);
    else if (c->is_new)
        ok = add_token(w, c);
    else if (c->puts)
        ok = store_put(w->store, c->after);
    return ok && change_ban_put(c, w->store);
}

typedef bool entry_adder(const struct change *c, struct journal *j, struct slice claims,
                         int64_t now);

/* Add a journal entry about the record that was put last, in the next block if it does not fit into
 * this one.  False: the transaction is spoilt. */
static bool add_entry(struct writer *w, const struct change *c, entry_adder *adder, int64_t now)
{
    struct slice claims = store_claims(w->store);

    if (adder(c, w->journal, claims, now))
        return true;
    journal_end(w->journal, w->tokens);
    return store_put_journal(w->store, w->journal) && journal_next_block(w->journal) == 0 &&
           adder(c, w->journal, claims, now);
}

/* Add the entry of a change and, after a rotation, put the old token and add the entry of its
 * end. */
static bool add_entries(struct writer *w, const struct change *c, int64_t now)
{
    if (!add_entry(w, c, change_add_entry, now))
        return false;
    w->tokens += (uint64_t)c->is_new - (uint64_t)c->removes;
    return !c->rotates || (store_put(w->store, &c->found) &&
                           (c->ends == NULL || add_entry(w, c, change_add_end_entry, now)));
}

/* Apply and put one change, or refuse it.  False: the transaction is spoilt, or a new token would
 * make the file too large. */
static bool apply_one(struct writer *w, struct change *c, int64_t now)
{
    if (c->kind->adds && w->at_size_limit) {
        problem_set(&c->problem, STATUS_FULL,
                    "the store has reached its size limit; delete tokens "
                    "that are no longer needed, or shorten [daemon] retention");
        return true;
    }
    c->may_lapse = w->may_purge;
    twins_find(&w->twins, w->token_table, c);
    if (scheme_load_refuses(w, c))
        return true;
    if (c->kind->apply(c, w->store, now) == STATUS_STORE)
        return false;
    if (!change_writes(c) || denied_unsaved(w, c))
        return true;
    if (!change_read_before(c, w->store, &w->before))
        return false;
    c->serial = journal_next(w->journal);
    if (c->is_new)
        c->after->serial = c->serial;
    if (!put(w, c))
        return false;
    if (change_writes(c) && !add_entries(w, c, now))
        return false;
    twins_note(&w->twins, c);
    uint64_t size = store_size(w->store);
    bool too_far = c->is_new && size > w->store_limit && size > w->store_before;
    w->at_size_limit = w->at_size_limit || too_far;
    return !too_far;
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
                 store_commit(w->store);
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
    for (struct mail *m = batch->first; m != NULL; m = m->next) {
        struct change *c = change_of(m);
        change_reset(c);
    }
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
