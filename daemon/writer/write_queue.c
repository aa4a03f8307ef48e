/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/write_queue.h"

#include <poll.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/table/refusals.h"
#include "daemon/writer/publish.h"

struct write_queue {
    struct token_table *token_table;
    struct refusals *refusals;
    struct mailbox changes; /* struct change */
    struct mailbox scans;   /* struct scan */
    atomic_int expected;    /* sessions that are about to post more changes */
    atomic_bool woken;
    atomic_bool stopping;
    atomic_bool ends_waiting;
    atomic_bool wants_sha256;
    _Atomic int64_t busy_since; /* clock_seconds(); 0: the writer waits for work */
    _Atomic uint64_t commits;
    _Atomic uint64_t changed; /* changes that were committed */
    _Atomic uint64_t failures;
    _Atomic uint64_t unsaved; /* denials that are in force in memory alone */
    _Atomic uint64_t held;    /* answers that are held back */
    _Atomic uint64_t oldest;  /* serials of the journal */
    _Atomic uint64_t newest;
    _Atomic uint64_t store_bytes;
    _Atomic int64_t clock_ahead;
    _Atomic int64_t clock_behind;
    _Atomic bool purge_waits;
    const char *epoch; /* the writer's */
    _Atomic uint64_t ban_count;
    _Atomic uint64_t left[TOKENS_LEFT_COUNTS];
    _Atomic uint64_t states[STATUS_COUNT];
    atomic_int bans;                     /* enum ban_state */
    _Atomic(struct policies *) policies; /* for the writer to take; NULL: it has them */
    _Atomic uint64_t log_bytes;
    _Atomic int64_t log_since; /* clock_seconds(); 0: the file has everything */
    _Atomic uint64_t checkpoint_failures;
    struct histogram commit_time;
    struct histogram checkpoint_time;
};

struct write_queue *write_queue_new(struct token_table *token_table)
{
    struct write_queue *q = calloc(1, sizeof(*q));

    if (q == NULL)
        return NULL;
    q->token_table = token_table;
    q->refusals = refusals_new(TOKEN_TABLE_READERS_MAX);
    if (q->refusals == NULL || mailbox_init(&q->changes) < 0) {
        refusals_free(q->refusals);
        free(q);
        return NULL;
    }
    if (mailbox_init(&q->scans) < 0) {
        mailbox_destroy(&q->changes);
        refusals_free(q->refusals);
        free(q);
        return NULL;
    }
    return q;
}

void write_queue_free(struct write_queue *q)
{
    if (q == NULL)
        return;
    struct mail_list changes = write_queue_take_changes(q), scans = write_queue_take_scans(q);
    for (struct mail *m; (m = mail_pop(&changes)) != NULL;)
        change_free((struct change *)m);
    for (struct mail *m; (m = mail_pop(&scans)) != NULL;)
        scan_free((struct scan *)m);
    mailbox_destroy(&q->changes);
    mailbox_destroy(&q->scans);
    free(atomic_load(&q->policies));
    refusals_free(q->refusals);
    free(q);
}

/* -- any thread ------------------------------------------------------------------------------ */

void write_queue_post(struct write_queue *q, struct mail_list *changes)
{
    for (struct mail *m = changes->first; m != NULL; m = m->next) {
        struct change *c = (struct change *)m;
        publish_denial(c, q->token_table);
        if (c->want.digest_alg != DIGEST_ALG_OWN)
            atomic_store(&q->wants_sha256, true);
    }
    mailbox_post_list(&q->changes, changes);
}

void write_queue_expect(struct write_queue *q, int by)
{
    atomic_fetch_add(&q->expected, by);
}

void write_queue_scan(struct write_queue *q, struct scan *s)
{
    mailbox_post(&q->scans, &s->mail);
}

void write_queue_wake(struct write_queue *q)
{
    atomic_store(&q->woken, true);
    mailbox_wake(&q->scans);
}

void write_queue_want_bans(struct write_queue *q)
{
    atomic_store(&q->bans, BANS_WANTED);
    mailbox_wake(&q->scans);
}

void write_queue_drop_bans(struct write_queue *q)
{
    atomic_store(&q->bans, BANS_OUT);
}

enum ban_state write_queue_bans(const struct write_queue *q)
{
    return (enum ban_state)atomic_load(&q->bans);
}

void write_queue_set_policies(struct write_queue *q, struct policies *policies)
{
    free(atomic_exchange(&q->policies, policies));
}

struct write_queue_stats write_queue_stats(struct write_queue *q)
{
    int64_t since = atomic_load(&q->busy_since), logged = atomic_load(&q->log_since);
    struct write_queue_stats stats = {
        .commits = atomic_load(&q->commits),
        .changes = atomic_load(&q->changed),
        .failures = atomic_load(&q->failures),
        .denials_unsaved = atomic_load(&q->unsaved),
        .answers_held = atomic_load(&q->held),
        .journal_oldest = atomic_load(&q->oldest),
        .journal_newest = atomic_load(&q->newest),
        .store_bytes = atomic_load(&q->store_bytes),
        .clock = { .ahead = atomic_load(&q->clock_ahead),
                   .behind = atomic_load(&q->clock_behind),
                   .may_purge = !atomic_load(&q->purge_waits) },
        .log_bytes = atomic_load(&q->log_bytes),
        .checkpoint_failures = atomic_load(&q->checkpoint_failures),
        .log_unsaved_seconds = logged > 0 ? (uint64_t)(clock_seconds() - logged) : 0,
        .bans = atomic_load(&q->ban_count),
        .busy_seconds = since > 0 ? (uint64_t)(clock_seconds() - since) : 0,
    };

    for (size_t i = 0; i < TOKENS_LEFT_COUNTS; i++)
        stats.left[i] = atomic_load(&q->left[i]);
    for (enum status s = 0; s < STATUS_COUNT; s++)
        stats.states[s] = atomic_load(&q->states[s]);
    return stats;
}

int64_t write_queue_days(size_t at)
{
    static const int64_t days[TOKENS_LEFT_COUNTS - 1] = { 1, 3, 7, 14, 30, 90, 365 };

    return days[at];
}

struct refusals *write_queue_refusals(struct write_queue *q)
{
    return q->refusals;
}

const struct histogram *write_queue_commit_time(const struct write_queue *q)
{
    return &q->commit_time;
}

const struct histogram *write_queue_checkpoint_time(const struct write_queue *q)
{
    return &q->checkpoint_time;
}

void write_queue_stop(struct write_queue *q)
{
    atomic_store(&q->stopping, true);
    mailbox_wake(&q->scans);
}

void write_queue_end_waiting(struct write_queue *q)
{
    atomic_store(&q->ends_waiting, true);
    mailbox_wake(&q->scans);
}

bool write_queue_wants_sha256(const struct write_queue *q)
{
    return atomic_load(&q->wants_sha256);
}

/* -- the writer's thread --------------------------------------------------------------------- */

struct mail_list write_queue_take_changes(struct write_queue *q)
{
    return mailbox_take(&q->changes);
}

struct mail_list write_queue_take_scans(struct write_queue *q)
{
    return mailbox_take(&q->scans);
}

struct policies *write_queue_take_policies(struct write_queue *q)
{
    return atomic_load(&q->policies) != NULL ? atomic_exchange(&q->policies, NULL) : NULL;
}

bool write_queue_take_wake(struct write_queue *q)
{
    return atomic_exchange(&q->woken, false);
}

uint64_t write_queue_newest(const struct write_queue *q)
{
    return atomic_load(&q->newest);
}

bool write_queue_is_expecting(const struct write_queue *q)
{
    return atomic_load(&q->expected) > 0;
}

bool write_queue_is_stopping(const struct write_queue *q)
{
    return atomic_load(&q->stopping);
}

bool write_queue_ends_waiting(const struct write_queue *q)
{
    return atomic_load(&q->ends_waiting);
}

void write_queue_await_change(struct write_queue *q, int milliseconds)
{
    struct pollfd wake = { .fd = q->changes.wake, .events = POLLIN };

    poll(&wake, 1, milliseconds);
}

void write_queue_await_work(struct write_queue *q, int milliseconds)
{
    struct pollfd wake[] = {
        { .fd = q->changes.wake, .events = POLLIN },
        { .fd = q->scans.wake, .events = POLLIN },
    };

    atomic_store(&q->busy_since, 0);
    poll(wake, sizeof(wake) / sizeof(wake[0]), milliseconds);
}

void write_queue_set_busy(struct write_queue *q)
{
    atomic_store(&q->busy_since, clock_seconds());
}

void write_queue_count_commit(struct write_queue *q, uint64_t changes)
{
    atomic_fetch_add(&q->changed, changes);
    atomic_fetch_add(&q->commits, 1);
}

void write_queue_count_failure(struct write_queue *q)
{
    atomic_fetch_add(&q->failures, 1);
}

void write_queue_count_time(struct write_queue *q, uint64_t nanoseconds)
{
    histogram_add(&q->commit_time, nanoseconds);
}

void write_queue_set_saving(struct write_queue *q, uint64_t bytes, int64_t since, uint64_t failures)
{
    atomic_store(&q->log_bytes, bytes);
    atomic_store(&q->log_since, since);
    atomic_store(&q->checkpoint_failures, failures);
}

void write_queue_count_checkpoint(struct write_queue *q, uint64_t nanoseconds)
{
    histogram_add(&q->checkpoint_time, nanoseconds);
}

void write_queue_set_newest(struct write_queue *q, uint64_t serial)
{
    atomic_store(&q->newest, serial);
}

void write_queue_set_clock(struct write_queue *q, const struct clock_state *state)
{
    atomic_store(&q->clock_ahead, state->ahead);
    atomic_store(&q->clock_behind, state->behind);
    atomic_store(&q->purge_waits, !state->may_purge);
}

void write_queue_set_epoch(struct write_queue *q, const char *epoch)
{
    q->epoch = epoch;
}

const char *write_queue_epoch(const struct write_queue *q)
{
    return q->epoch != NULL ? q->epoch : "";
}

void write_queue_set_unsaved(struct write_queue *q, uint64_t denials)
{
    atomic_store(&q->unsaved, denials);
}

void write_queue_set_held(struct write_queue *q, uint64_t answers)
{
    atomic_store(&q->held, answers);
}

void write_queue_set_store(struct write_queue *q, uint64_t journal_oldest, uint64_t bytes)
{
    atomic_store(&q->oldest, journal_oldest);
    atomic_store(&q->store_bytes, bytes);
}

void write_queue_set_ban_count(struct write_queue *q, uint64_t bans)
{
    atomic_store(&q->ban_count, bans);
}

void write_queue_set_left(struct write_queue *q, const uint64_t left[TOKENS_LEFT_COUNTS],
                          const uint64_t states[STATUS_COUNT])
{
    for (size_t i = 0; i < TOKENS_LEFT_COUNTS; i++)
        atomic_store(&q->left[i], left[i]);
    for (enum status s = 0; s < STATUS_COUNT; s++)
        atomic_store(&q->states[s], states[s]);
}

void write_queue_set_bans(struct write_queue *q, enum ban_state state)
{
    atomic_store(&q->bans, state);
}
