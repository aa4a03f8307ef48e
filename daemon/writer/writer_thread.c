/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/writer_thread.h"

#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/writer/commit.h"
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
    struct mail_list ready;  /* scans to step, in turn */
    struct mail_list parked; /* watches that wait for news */
    int64_t next_chores;     /* CLOCK_MONOTONIC, seconds */
    bool collapsing;         /* goes on with the table, as long as nothing else is to be done */
    pthread_t thread;
    bool started;
};

static void *run(void *writer_thread);
static bool one_batch(struct writer_thread *k);
static bool one_chunk(struct writer_thread *k);
static void chores(struct writer_thread *k);
static bool collapse(struct writer_thread *k);
static void wait_for_work(struct writer_thread *k);

struct writer_thread *writer_thread_new(struct writer *w, const struct settings *settings,
                                        const char *store)
{
    struct writer_thread *k = calloc(1, sizeof(*k));

    if (k == NULL)
        return NULL;
    k->last_used = last_used_open(store);
    if (k->last_used == NULL) {
        free(k);
        return NULL;
    }
    w->last_used = k->last_used;
    k->writer = w;
    k->settings = settings;
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
    if (k == NULL || !k->started)
        return;
    write_queue_stop(k->writer->queue);
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
    free_scans(&k->ready);
    free_scans(&k->parked);
    last_used_close(k->last_used);
    free(k);
}

/* -- the thread ------------------------------------------------------------------------------ */

static void *run(void *writer_thread)
{
    struct writer_thread *k = writer_thread;
    struct write_queue *queue = k->writer->queue;

    thread_begin();
    thread_priority_begin(&k->writer->priority);
    for (;;) {
        bool stopping = write_queue_is_stopping(queue);
        write_queue_set_busy(queue);
        bool busy = one_batch(k);
        busy = one_chunk(k) || busy;
        chores(k);
        if (!busy && stopping)
            break;
        k->collapsing = k->collapsing && !busy && collapse(k);
        if (!busy && !k->collapsing && !write_queue_is_stopping(queue))
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
    struct writer *w = k->writer;
    uint64_t newest = write_queue_stats(w->queue).journal_newest;

    commit_collect(w);
    if (!commit_batch(w, clock_wall()))
        return false;
    if (write_queue_stats(w->queue).journal_newest != newest)
        wake_parked(k);
    write_queue_set_store(w->queue, journal_oldest(w->journal), store_size(w->store));
    return true;
}

static bool one_chunk(struct writer_thread *k)
{
    const struct scan_sources sources = { k->writer, k->last_used };
    struct mail_list posted = write_queue_take_scans(k->writer->queue);

    mail_append_list(&k->ready, &posted);
    if (write_queue_take_wake(k->writer->queue))
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
    commit_retry(w);
    if (!w->recovery.broken) {
        purge_step(&k->purge, w, atomic_load(&k->settings->retention), now);
        last_used_step(k->last_used, w->token_table, now);
    }
    wake_parked(k);
    k->collapsing = collapse(k); /* one piece also while there is no end of changes */
}

/* Whoever looks at a token in that piece waits for this thread. */
static bool collapse(struct writer_thread *k)
{
    thread_priority_raise(&k->writer->priority);
    bool some = token_table_collapse(k->writer->token_table);
    thread_priority_lower(&k->writer->priority);
    return some;
}

/* Until something is posted, or the chores are due. */
static void wait_for_work(struct writer_thread *k)
{
    int64_t left = k->next_chores - clock_seconds();

    write_queue_await_work(k->writer->queue, left > 0 ? (int)left * 1000 : 0);
}
