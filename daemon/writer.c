/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer.h"


#include "daemon/log.h"

/* tdb grows a large file by a tenth and ends at 4 GiB: stop while that step still fits. */
#define STORE_LIMIT (UINT64_C(7) << 29)

static bool decide_batch(struct writer *w, struct mail_list *batch, int64_t now, bool *writes);
static bool decide_one(struct writer *w, struct change *c, int64_t now);
static bool reserve(struct writer *w, const struct mail_list *batch);
static bool commit(struct writer *w, const struct mail_list *batch);
static void publish_batch(struct writer *w, const struct mail_list *batch);
static void fail_batch(struct writer *w, struct mail_list *batch);
static bool recover(struct writer *w);

static struct change *change_of(struct mail *mail)
{
    return (struct change *)mail;
}

/* -- start ----------------------------------------------------------------------------------- */

static bool load_token(void *context, const struct record *r)
{
    struct writer *w = context;

    if (order_reserve(&w->order, 1) < 0 ||
        publish_reserve(w->publisher, 1, (uint64_t)r->subject_len + r->scopes_len) < 0)
        return false;
    order_add(&w->order, r->created, r->serial, r->digest);
    publish_put(w->publisher, r);
    return true;
}

bool writer_init(struct writer *w, struct store *store, const char *prefix,
                 uint64_t journal_entries, struct problem *problem)
{
    *w = (struct writer){ .store_limit = STORE_LIMIT, .journal = journal_new(journal_entries) };
    if (w->journal == NULL || mailbox_init(&w->box) < 0) {
        journal_free(w->journal);
        problem_set(problem, STATUS_INTERNAL, "no memory or descriptor for the writer");
        return false;
    }
    if (store_load_journal(store, w->journal, problem)) {
        uint64_t tokens = journal_tokens(w->journal);
        w->publisher = publish_new(prefix, tokens);
        if (w->publisher == NULL)
            problem_set(problem, STATUS_INTERNAL, "no memory for %llu tokens",
                        (unsigned long long)tokens);
        else if (store_load_tokens(store, load_token, w, problem)) {
            uint64_t found = publish_figures(w->publisher).tokens;
            if (store_has_all(store, found, tokens, problem)) {
                w->store = store;
                atomic_store(&w->newest, journal_newest(w->journal));
                return true;
            }
        }
    }
    writer_destroy(w);
    return false;
}

static void free_changes(struct mail_list *list)
{
    for (struct mail *m; (m = mail_pop(list)) != NULL;)
        change_free(change_of(m));
}

void writer_destroy(struct writer *w)
{
    writer_collect(w);
    free_changes(&w->waiting);
    free_changes(&w->held);
    publish_free(w->publisher);
    order_free(&w->order);
    journal_free(w->journal);
    store_close(w->store);
    mailbox_destroy(&w->box);
}

/* -- one batch ------------------------------------------------------------------------------- */

void writer_collect(struct writer *w)
{
    struct mail_list list = mailbox_take(&w->box);

    mail_append_list(&w->waiting, &list);
}

void writer_retry(struct writer *w)
{
    mail_append_list(&w->held, &w->waiting);
    w->waiting = w->held;
    w->held = (struct mail_list){ NULL, NULL };
}

/* Denials first, whatever the disk will say. */
static size_t take_batch(struct writer *w, struct mail_list *batch)
{
    size_t count = 0;

    while (count < WRITER_BATCH_MAX && w->waiting.first != NULL) {
        struct change *c = change_of(mail_pop(&w->waiting));
        if (c->kind->deny != 0)
            publish_deny(w->publisher, c->id, c->kind->deny);
        mail_append(batch, &c->mail);
        count++;
    }
    return count;
}

static void answer_batch(struct mail_list *batch)
{
    for (struct mail *m; (m = mail_pop(batch)) != NULL;) {
        struct change *c = change_of(m);
        if (c->home != NULL)
            mailbox_post(c->home, m);
        else
            change_free(c);
    }
}

/* A held denial that is being tried again waits among the changes, but nobody waits for it. */
static void count_unsaved(struct writer *w)
{
    uint64_t count = 0;

    for (const struct mail *m = w->held.first; m != NULL; m = m->next)
        count++;
    for (const struct mail *m = w->waiting.first; m != NULL; m = m->next)
        count += ((const struct change *)m)->home == NULL && ((const struct change *)m)->kind->deny != 0;
    atomic_store(&w->unsaved, count);
}

bool writer_batch(struct writer *w, int64_t now)
{
    struct mail_list batch = { NULL, NULL };
    size_t count = take_batch(w, &batch);
    bool writes = false;

    if (count == 0)
        return false;
    bool saved = (!w->broken || recover(w)) && journal_begin(w->journal, count) == 0 &&
                 store_begin(w->store) && decide_batch(w, &batch, now, &writes) &&
                 (!writes || (reserve(w, &batch) && commit(w, &batch)));
    store_abandon(w->store);
    if (saved)
        publish_batch(w, &batch);
    else
        fail_batch(w, &batch);
    count_unsaved(w);
    answer_batch(&batch);
    return true;
}

/* What no longer fits into this commit's journal block goes back to the front of the queue. */
static bool decide_batch(struct writer *w, struct mail_list *batch, int64_t now, bool *writes)
{
    struct mail_list done = { NULL, NULL };
    bool well = true;

    while (well && batch->first != NULL && journal_fits(w->journal)) {
        struct change *c = change_of(mail_pop(batch));
        mail_append(&done, &c->mail);
        well = decide_one(w, c, now);
        *writes = *writes || change_writes(c);
    }
    mail_append_list(batch, &w->waiting);
    w->waiting = *batch;
    *batch = done;
    return well;
}

static void put_journal(struct writer *w, const struct change *c, int64_t now)
{
    struct text entry = journal_entry(w->journal, now, c->kind->event);

    text_adds(&entry, " id=");
    text_add_hex(&entry, c->after.digest, ID_SIZE);
    text_adds(&entry, " by=uid:");
    text_add_u64(&entry, c->uid);
    line_put_u64(&entry, "pid", (uint64_t)c->pid);
    if (c->puts_other) {
        text_adds(&entry, " replaces=");
        text_add_hex(&entry, c->other.digest, ID_SIZE);
    }
    if (c->kind->shows_claims)
        record_put_claims(&entry, &c->after);
    journal_entry_end(w->journal, &entry);
}

/* False: the transaction is spoilt. */
static bool decide_one(struct writer *w, struct change *c, int64_t now)
{
    if (c->kind->adds && store_size(w->store) >= w->store_limit) {
        problem_set(&c->problem, STATUS_FULL, "the store has reached its size limit; delete tokens "
                    "that are no longer needed, or shorten [daemon] retention");
        return true;
    }
    if (c->kind->decide(c, w->store, now) == STATUS_STORE)
        return false;
    if (!change_writes(c))
        return true;
    if (c->is_new)
        c->after.serial = journal_next(w->journal);
    put_journal(w, c, now);
    return (!c->puts || store_put(w->store, &c->after)) &&
           (!c->puts_other || store_put(w->store, &c->other)) &&
           (!c->removes || store_remove(w->store, c->after.digest));
}

/* Room in memory before the commit, so that what is on the disk can always be published. */
static bool reserve(struct writer *w, const struct mail_list *batch)
{
    uint64_t bytes = 0, tokens = 0;

    for (struct mail *m = batch->first; m != NULL; m = m->next) {
        const struct change *c = change_of(m);
        bytes += (uint64_t)c->after.subject_len + c->after.scopes_len +
                 c->other.subject_len + c->other.scopes_len;
        tokens += 2;
    }
    if (order_reserve(&w->order, tokens) == 0 && publish_reserve(w->publisher, tokens, bytes) == 0)
        return true;
    log_error("no memory for a larger table; changes are refused until there is");
    return false;
}

static bool commit(struct writer *w, const struct mail_list *batch)
{
    uint64_t tokens = journal_tokens(w->journal);

    for (struct mail *m = batch->first; m != NULL; m = m->next) {
        const struct change *c = change_of(m);
        if (change_writes(c))
            tokens += (uint64_t)c->is_new - (uint64_t)c->removes;
    }
    journal_end(w->journal, tokens);
    return store_put_journal(w->store, w->journal) && store_commit(w->store);
}

static void publish_batch(struct writer *w, const struct mail_list *batch)
{
    bool any = false;

    for (struct mail *m = batch->first; m != NULL; m = m->next) {
        const struct change *c = change_of(m);
        if (!change_writes(c))
            continue;
        any = true;
        atomic_fetch_add(&w->changes, 1);
        if (c->is_new)
            order_add(&w->order, c->after.created, c->after.serial, c->after.digest);
        if (c->kind->allow)
            publish_allow(w->publisher, c->after.digest);
        if (c->puts)
            publish_put(w->publisher, &c->after);
        if (c->puts_other)
            publish_put(w->publisher, &c->other);
        if (c->removes) {
            publish_remove(w->publisher, c->after.digest);
            order_remove(&w->order, c->after.created, c->after.serial);
            if (w->lastuse != NULL)
                lastuse_forget(w->lastuse, c->after.digest);
        }
    }
    if (any)
        atomic_fetch_add(&w->commits, 1);
    atomic_store(&w->newest, journal_newest(w->journal));
}

/* -- when the disk fails --------------------------------------------------------------------- */

static void doubt(struct writer *w, const uint8_t id[ID_SIZE])
{
    memcpy(w->doubt[w->doubtful++], id, ID_SIZE);
}

/* Keeps a denial, so that it is saved as soon as the disk works again. */
static void hold(struct writer *w, const struct change *c)
{
    for (struct mail *m = w->held.first; m != NULL; m = m->next)
        if (change_of(m)->kind == c->kind && memcmp(change_of(m)->id, c->id, ID_SIZE) == 0)
            return;
    struct change *kept = change_new(c->kind);
    if (kept == NULL)
        return;                 /* its sender is told that it is not saved */
    kept->uid = c->uid;
    kept->pid = c->pid;
    memcpy(kept->id, c->id, ID_SIZE);
    mail_append(&w->held, &kept->mail);
}

static void fail_batch(struct writer *w, struct mail_list *batch)
{
    bool first = !w->broken;

    for (struct mail *m = batch->first; m != NULL; m = m->next) {
        struct change *c = change_of(m);
        /* A store that was broken before this batch has not seen it. */
        if (first && change_writes(c))
            doubt(w, c->after.digest);
        if (first && change_writes(c) && c->puts_other)
            doubt(w, c->other.digest);
        if (c->kind->deny != 0)
            hold(w, c);
        problem_set(&c->problem, STATUS_STORE, c->kind->deny != 0 ?
                    "in force now, but not saved: the store cannot be written; it is tried again, "
                    "and lost if jetond stops before that succeeds" :
                    "not done: the store cannot be written (see jetond's log; is the disk full?)");
    }
    atomic_fetch_add(&w->failures, 1);
    w->broken = true;
    recover(w);
}

/* Publishes what the store says of a token that an uncertain commit concerned. */
static bool settle_doubt(struct writer *w, const uint8_t id[ID_SIZE])
{
    uint8_t digest[DIGEST_SIZE];
    struct record r;
    int64_t used;
    bool known = publish_look(w->publisher, id, digest, &used) != 0;
    enum store_found found = store_get(w->store, id, &r);

    if (found == STORE_FAILED)
        return false;
    if (found == STORE_ABSENT) {
        publish_remove(w->publisher, id);       /* its place in the order finds no record */
        return true;
    }
    if (order_reserve(&w->order, 1) < 0 ||
        publish_reserve(w->publisher, 1, (uint64_t)r.subject_len + r.scopes_len) < 0)
        return false;
    publish_put(w->publisher, &r);
    if (!known)
        order_add(&w->order, r.created, r.serial, r.digest);
    return true;
}

/* Opens the store again and settles what was in doubt; until that succeeds nothing is changed. */
static bool recover(struct writer *w)
{
    struct problem problem;

    journal_clear(w->journal);
    if (!store_reopen(w->store, &problem) || !store_load_journal(w->store, w->journal, &problem)) {
        log_error("%s", problem.message);
        return false;
    }
    while (w->doubtful > 0) {
        if (!settle_doubt(w, w->doubt[w->doubtful - 1]))
            return false;
        w->doubtful--;
    }
    w->broken = false;
    atomic_store(&w->newest, journal_newest(w->journal));
    return true;
}
