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

struct keeper {
    struct writer *writer;
    const struct settings *settings;
    struct lastuse *lastuse;
    struct sweep sweep;
    struct mailbox scans;
    struct mail_list ready;         /* scans to step, in turn */
    struct mail_list parked;        /* watches that wait for news */
    int64_t next_chores;            /* CLOCK_MONOTONIC, seconds */
    bool condenses;                 /* goes on with the table, as long as nothing else is to be done */
    pthread_t thread;
    bool started;
    atomic_bool stopping;
    atomic_bool poked;
    _Atomic int64_t busy_since;     /* clock_seconds(); 0: it waits for work */
    pthread_mutex_t mutex;          /* guards `figures`, as far as the writer does not count them */
    struct keeper_figures figures;
};

static void *run(void *keeper);
static bool one_batch(struct keeper *k);
static bool one_chunk(struct keeper *k);
static void chores(struct keeper *k);
static bool condense(struct keeper *k);
static void note_figures(struct keeper *k);
static void wait_for_work(struct keeper *k);

struct keeper *keeper_new(struct writer *w, const struct settings *settings, const char *store)
{
    struct keeper *k = calloc(1, sizeof(*k));

    if (k == NULL)
        return NULL;
    k->lastuse = lastuse_open(store);
    if (k->lastuse == NULL || mailbox_init(&k->scans) < 0) {
        lastuse_close(k->lastuse);
        free(k);
        return NULL;
    }
    pthread_mutex_init(&k->mutex, NULL);
    w->lastuse = k->lastuse;
    k->writer = w;
    k->settings = settings;
    note_figures(k);
    return k;
}

int keeper_start(struct keeper *k)
{
    writer_keep_memory();
    int error = pthread_create(&k->thread, NULL, run, k);

    k->started = error == 0;
    return -error;
}

void keeper_stop(struct keeper *k)
{
    if (!k->started)
        return;
    atomic_store(&k->stopping, true);
    keeper_poke(k);
    pthread_join(k->thread, NULL);
    k->started = false;
}

static void free_scans(struct mail_list *list)
{
    for (struct mail *m; (m = mail_pop(list)) != NULL;)
        scan_free((struct scan *)m);
}

void keeper_free(struct keeper *k)
{
    if (k == NULL)
        return;
    struct mail_list late = mailbox_take(&k->scans);
    free_scans(&late);
    free_scans(&k->ready);
    free_scans(&k->parked);
    lastuse_close(k->lastuse);
    mailbox_destroy(&k->scans);
    pthread_mutex_destroy(&k->mutex);
    free(k);
}

void keeper_change(struct keeper *k, struct mail_list *changes)
{
    writer_post(k->writer, changes);
}

void keeper_expect(struct keeper *k, int by)
{
    writer_expect(k->writer, by);
}

void keeper_scan(struct keeper *k, struct scan *s)
{
    mailbox_post(&k->scans, &s->mail);
}

void keeper_poke(struct keeper *k)
{
    atomic_store(&k->poked, true);
    mailbox_wake(&k->scans);
}

/* What the writer counts is fresh: whoever got its answer finds it counted. */
struct keeper_figures keeper_figures(struct keeper *k)
{
    pthread_mutex_lock(&k->mutex);
    struct keeper_figures figures = k->figures;
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

const struct histogram *keeper_commit_time(const struct keeper *k)
{
    return &k->writer->commit_time;
}

/* -- the thread ------------------------------------------------------------------------------ */

static void *run(void *keeper)
{
    struct keeper *k = keeper;

    thread_begin();
    priority_begin(&k->writer->priority);
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
    lastuse_flush(k->lastuse, k->writer->publisher, clock_wall());
    return NULL;
}

/* Watches whose journal has grown, or that are to stop, get in line. */
static void wake_parked(struct keeper *k)
{
    mail_append_list(&k->ready, &k->parked);
}

static bool one_batch(struct keeper *k)
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

static bool one_chunk(struct keeper *k)
{
    const struct scanner_sources sources = { k->writer, k->lastuse };
    struct mail_list posted = mailbox_take(&k->scans);

    mail_append_list(&k->ready, &posted);
    if (atomic_exchange(&k->poked, false))
        wake_parked(k);
    struct scan *s = (struct scan *)mail_pop(&k->ready);
    if (s == NULL)
        return false;
    if (scanner_step(s, &sources, clock_wall()))
        mailbox_post(s->home, &s->mail);
    else
        mail_append(&k->parked, &s->mail);
    return true;
}

static void chores(struct keeper *k)
{
    struct writer *w = k->writer;
    int64_t now = clock_wall(), monotonic = clock_seconds();

    if (monotonic < k->next_chores)
        return;
    k->next_chores = monotonic + 1;
    journal_set_keep(w->journal, atomic_load(&k->settings->journal_entries));
    writer_retry(w);
    if (!w->recovery.broken) {
        sweep_step(&k->sweep, w, atomic_load(&k->settings->retention), now);
        lastuse_step(k->lastuse, w->publisher, now);
    }
    wake_parked(k);
    k->condenses = condense(k);     /* one piece also while there is no end of changes */
}

/* Whoever looks at a token in that piece waits for this thread. */
static bool condense(struct keeper *k)
{
    priority_come_forward(&k->writer->priority);
    bool some = publish_condense(k->writer->publisher);
    priority_stand_back(&k->writer->priority);
    return some;
}

static void note_figures(struct keeper *k)
{
    pthread_mutex_lock(&k->mutex);
    k->figures.journal_oldest = journal_oldest(k->writer->journal);
    k->figures.store_bytes = store_size(k->writer->store);
    pthread_mutex_unlock(&k->mutex);
}

/* Wakes for mail, for a poke, and when the chores are due. */
static void wait_for_work(struct keeper *k)
{
    struct pollfd wake[] = {
        { .fd = k->writer->box.wake, .events = POLLIN },
        { .fd = k->scans.wake, .events = POLLIN },
    };
    int64_t left = k->next_chores - clock_seconds();

    atomic_store(&k->busy_since, 0);
    poll(wake, sizeof(wake) / sizeof(wake[0]), left > 0 ? (int)left * 1000 : 0);
}
