/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/writer_thread.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/writer/last_used.h"
#include "daemon/base/log.h"
#include "daemon/writer/scan_run.h"
#include "daemon/writer/purge.h"
#include "daemon/base/thread.h"

struct writer_thread {
    struct writer *writer;
    const struct settings *settings;
    struct last_used *last_used;
    struct purge purge;
    struct mailbox scans;
    struct mail_list ready;  /* scans to step, in turn */
    struct mail_list parked; /* watches that wait for news */
    int64_t next_chores;     /* CLOCK_MONOTONIC, seconds */
    bool condenses;          /* goes on with the table, as long as nothing else is to be done */
    pthread_t thread;
    bool started;
    atomic_bool stopping;
    atomic_bool poked;
    _Atomic int64_t busy_since; /* clock_seconds(); 0: it waits for work */
    pthread_mutex_t mutex;      /* guards `figures`, as far as the writer does not count them */
    struct writer_thread_figures figures;
};

static void *run(void *writer_thread);
static bool one_batch(struct writer_thread *k);
static bool one_chunk(struct writer_thread *k);
static void chores(struct writer_thread *k);
static bool condense(struct writer_thread *k);
static void note_figures(struct writer_thread *k);
static void wait_for_work(struct writer_thread *k);

struct writer_thread *writer_thread_new(struct writer *w, const struct settings *settings,
                                        const char *store)
{
    struct writer_thread *k = calloc(1, sizeof(*k));

    if (k == NULL)
        return NULL;
    k->last_used = last_used_open(store);
    if (k->last_used == NULL || mailbox_init(&k->scans) < 0) {
        last_used_close(k->last_used);
        free(k);
        return NULL;
    }
    pthread_mutex_init(&k->mutex, NULL);
    w->last_used = k->last_used;
    k->writer = w;
    k->settings = settings;
    note_figures(k);
    return k;
}

int writer_thread_start(struct writer_thread *k)
{
    writer_keep_memory();
    int error = pthread_create(&k->thread, NULL, run, k);

    k->started = error == 0;
    return -error;
}

void writer_thread_stop(struct writer_thread *k)
{
    if (!k->started)
        return;
    atomic_store(&k->stopping, true);
    writer_thread_poke(k);
    pthread_join(k->thread, NULL);
    k->started = false;
}

static void free_scans(struct mail_list *list)
{
    for (struct mail *m; (m = mail_pop(list)) != NULL;)
        scan_free((struct scan *)m);
}

void writer_thread_free(struct writer_thread *k)
{
    if (k == NULL)
        return;
    struct mail_list late = mailbox_take(&k->scans);
    free_scans(&late);
    free_scans(&k->ready);
    free_scans(&k->parked);
    last_used_close(k->last_used);
    mailbox_destroy(&k->scans);
    pthread_mutex_destroy(&k->mutex);
    free(k);
}

void writer_thread_change(struct writer_thread *k, struct mail_list *changes)
{
    writer_post(k->writer, changes);
}

void writer_thread_expect(struct writer_thread *k, int by)
{
    writer_expect(k->writer, by);
}

void writer_thread_scan(struct writer_thread *k, struct scan *s)
{
    mailbox_post(&k->scans, &s->mail);
}

void writer_thread_poke(struct writer_thread *k)
{
    atomic_store(&k->poked, true);
    mailbox_wake(&k->scans);
}

/* What the writer counts is fresh: whoever got its answer finds it counted. */
struct writer_thread_figures writer_thread_figures(struct writer_thread *k)
{
    pthread_mutex_lock(&k->mutex);
    struct writer_thread_figures figures = k->figures;
    pthread_mutex_unlock(&k->mutex);
    int64_t since = atomic_load(&k->busy_since);
    figures.busy_seconds = since > 0 ? (uint64_t)(clock_seconds() - since) : 0;
    figures.commits = atomic_load(&k->writer->commits);
    figures.changes = atomic_load(&k->writer->changes);
    figures.failures = atomic_load(&k->writer->failures);
    figures.denials_unsaved = atomic_load(&k->writer->unsaved);
    figures.journal_newest = atomic_load(&k->writer->newest);
    return figures;
}

const struct histogram *writer_thread_commit_time(const struct writer_thread *k)
{
    return &k->writer->commit_time;
}

/* -- the thread ------------------------------------------------------------------------------ */

static void *run(void *writer_thread)
{
    struct writer_thread *k = writer_thread;

    thread_begin();
    thread_priority_begin(&k->writer->priority);
    for (;;) {
        bool stopping = atomic_load(&k->stopping);
        atomic_store(&k->busy_since, clock_seconds());
        bool busy = one_batch(k);
        busy = one_chunk(k) || busy;
        chores(k);
        if (!busy && stopping)
            break;
        k->condenses = k->condenses && !busy && condense(k);
        if (!busy && !k->condenses && !atomic_load(&k->stopping))
            wait_for_work(k);
    }
    last_used_flush(k->last_used, k->writer->token_table, clock_wall());
    return NULL;
}

/* Watches whose journal has grown, or that are to stop, get in line. */
static void wake_parked(struct writer_thread *k)
{
    mail_append_list(&k->ready, &k->parked);
}

static bool one_batch(struct writer_thread *k)
{
    uint64_t newest = atomic_load(&k->writer->newest);

    writer_collect(k->writer);
    if (!writer_batch(k->writer, clock_wall()))
        return false;
    if (atomic_load(&k->writer->newest) != newest)
        wake_parked(k);
    note_figures(k);
    return true;
}

static bool one_chunk(struct writer_thread *k)
{
    const struct scan_sources sources = { k->writer, k->last_used };
    struct mail_list posted = mailbox_take(&k->scans);

    mail_append_list(&k->ready, &posted);
    if (atomic_exchange(&k->poked, false))
        wake_parked(k);
    struct scan *s = (struct scan *)mail_pop(&k->ready);
    if (s == NULL)
        return false;
    if (scan_run(s, &sources, clock_wall()))
        mailbox_post(s->reply_to, &s->mail);
    else
        mail_append(&k->parked, &s->mail);
    return true;
}

static void chores(struct writer_thread *k)
{
    struct writer *w = k->writer;
    int64_t now = clock_wall(), monotonic = clock_seconds();

    if (monotonic < k->next_chores)
        return;
    k->next_chores = monotonic + 1;
    journal_set_keep(w->journal, atomic_load(&k->settings->journal_entries));
    writer_retry(w);
    if (!w->recovery.broken) {
        purge_step(&k->purge, w, atomic_load(&k->settings->retention), now);
        last_used_step(k->last_used, w->token_table, now);
    }
    wake_parked(k);
    k->condenses = condense(k); /* one piece also while there is no end of changes */
}

/* Whoever looks at a token in that piece waits for this thread. */
static bool condense(struct writer_thread *k)
{
    thread_priority_raise(&k->writer->priority);
    bool some = token_table_condense(k->writer->token_table);
    thread_priority_lower(&k->writer->priority);
    return some;
}

static void note_figures(struct writer_thread *k)
{
    pthread_mutex_lock(&k->mutex);
    k->figures.journal_oldest = journal_oldest(k->writer->journal);
    k->figures.store_bytes = store_size(k->writer->store);
    pthread_mutex_unlock(&k->mutex);
}

/* Wakes for mail, for a poke, and when the chores are due. */
static void wait_for_work(struct writer_thread *k)
{
    struct pollfd wake[] = {
        { .fd = k->writer->box.wake, .events = POLLIN },
        { .fd = k->scans.wake, .events = POLLIN },
    };
    int64_t left = k->next_chores - clock_seconds();

    atomic_store(&k->busy_since, 0);
    poll(wake, sizeof(wake) / sizeof(wake[0]), left > 0 ? (int)left * 1000 : 0);
}
