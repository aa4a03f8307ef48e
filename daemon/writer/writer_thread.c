/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/writer_thread.h"

#include <errno.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/base/thread.h"
#include "daemon/store/store_backup.h"
#include "daemon/store/store_saving.h"
#include "daemon/table/lease.h"
#include "daemon/writer/ban_load.h"
#include "daemon/writer/clock_check.h"
#include "daemon/writer/commit.h"
#include "daemon/writer/fleet_up.h"
#include "daemon/writer/fleet_upkeep.h"
#include "daemon/writer/last_used.h"
#include "daemon/writer/lease_file.h"
#include "daemon/writer/purge.h"
#include "daemon/writer/scan_run.h"

enum { NOTE_SECONDS = 60 };

struct writer_thread {
    struct writer *writer;
    const struct settings *settings;
    struct last_used *last_used;
    struct refused *refused;
    struct user_names *names;
    struct clock_check clock_check;
    struct lease_file lease_file;
    struct purge purge;
    struct ban_load ban_load;
    struct mail_list ready;  /* scans that take turns */
    struct mail_list own;    /* likewise, of users' own tokens, who may be many */
    bool own_next;           /* these and those take turns, too */
    struct mail_list parked; /* watches that wait for new entries */
    int64_t next_chores;     /* CLOCK_MONOTONIC, seconds */
    int64_t next_note;       /* likewise: of the clock, in the file of last uses */
    uint64_t checkpoints;    /* that were counted */
    bool collapsing;         /* there is more of the table to collapse */
    pthread_t thread;
    bool started;
};

static void *run(void *writer_thread);
static bool one_batch(struct writer_thread *t);
static bool step_fleet(struct writer_thread *t);
static bool one_chunk(struct writer_thread *t);
static void release_answers(struct writer_thread *t, bool at_end);
static void note_saving(struct writer_thread *t);
static void chores(struct writer_thread *t);
static bool collapse(struct writer_thread *t);
static void wait_for_work(struct writer_thread *t);

/* Note this start, and hold answers back if clients may still believe the last daemon's table.  An
 * empty store has had none. */
static bool begin_lease(struct writer_thread *t, struct writer *w, const char *store)
{
    enum lease_file_state last = lease_file_begin(&t->lease_file, store);

    if (last == LEASE_FILE_RUNNING ||
        (last == LEASE_FILE_MISSING && journal_newest(w->journal) > 0)) {
        uint64_t until = clock_monotonic() + LEASE_OVER;
        held_answers_begin(&w->held_answers, until);
        if (w->fleet != NULL) {
            w->fleet->figures.believed_until = until;
            fleet_show(w->fleet);
        }
        log_warning("lease: clients may believe a table that no daemon has ended: denials are in "
                    "force, and answered in some 7 seconds, when no client does any more");
    }
    return last != LEASE_FILE_FAILED;
}

static void wake(void *writer_thread)
{
    write_queue_wake(((struct writer_thread *)writer_thread)->writer->queue);
}

struct writer_thread *writer_thread_new(struct writer *w, const struct settings *settings,
                                        const char *store)
{
    struct writer_thread *t = calloc(1, sizeof(*t));

    if (t == NULL)
        return NULL;
    t->last_used = last_used_open(store);
    if (t->last_used != NULL)
        t->refused = refused_new(write_queue_refusals(w->queue), t->last_used);
    if (t->refused == NULL || !begin_lease(t, w, store)) {
        refused_free(t->refused);
        last_used_close(t->last_used);
        free(t);
        return NULL;
    }
    w->last_used = t->last_used;
    w->refused = t->refused;
    t->writer = w;
    t->settings = settings;
    store_set_wake(w->store, wake, t);
    int64_t floor = clock_check_begin(&t->clock_check, w->newest_time,
                                      last_used_clock(t->last_used));
    clock_set_floor(atomic_load(&settings->trust_clock) ? 0 : floor);
    token_table_renew_lease(w->token_table);
    return t;
}

int writer_thread_start(struct writer_thread *t)
{
    const struct user_names_settings names = {
        .threads = 1, .seconds = 300, .none = 30, .on_found = wake, .context = t
    };

    writer_keep_memory();
    t->names = user_names_new(&names);
    if (t->names == NULL)
        return -ENOMEM;
    int error = pthread_create(&t->thread, NULL, run, t);

    t->started = error == 0;
    return -error;
}

void writer_thread_stop(struct writer_thread *t)
{
    if (t == NULL || !t->started)
        return;
    write_queue_stop(t->writer->queue);
    pthread_join(t->thread, NULL);
    t->started = false;
}

static void free_scans(struct mail_list *list)
{
    for (struct mail *m; (m = mail_pop(list)) != NULL;)
        scan_free((struct scan *)m);
}

bool writer_thread_free(struct writer_thread *t)
{
    if (t == NULL)
        return true;
    store_set_wake(t->writer->store, NULL, NULL);
    bool ended = user_names_free(t->names);
    free_scans(&t->ready);
    free_scans(&t->own);
    free_scans(&t->parked);
    refused_free(t->refused);
    last_used_close(t->last_used);
    lease_file_end(&t->lease_file, !held_answers_is_holding(&t->writer->held_answers));
    free(t);
    return ended;
}

/* -- the thread ------------------------------------------------------------------------------ */

static void *run(void *writer_thread)
{
    struct writer_thread *t = writer_thread;
    struct write_queue *queue = t->writer->queue;

    thread_begin();
    thread_priority_begin(&t->writer->priority);
    for (;;) {
        bool stopping = write_queue_is_stopping(queue);
        write_queue_set_busy(queue);
        bool busy = one_batch(t);
        busy = step_fleet(t) || busy;
        note_saving(t);
        busy = one_chunk(t) || busy;
        release_answers(t, false);
        busy = fleet_upkeep_step(t->writer) || busy;
        busy = ban_load_step(&t->ban_load, t->writer) || busy;
        chores(t);
        if (!busy && stopping)
            break;
        t->collapsing = t->collapsing && !busy && collapse(t);
        if (!busy && !t->collapsing && !write_queue_is_stopping(queue))
            wait_for_work(t);
    }
    release_answers(t, true);
    last_used_flush(t->last_used, t->writer->token_table, clock_wall());
    refused_flush(t->refused, t->writer->store, clock_wall());
    return NULL;
}

/* Send the answers that were held back, if it is time; at the end, as nobody waits for them. */
static void release_answers(struct writer_thread *t, bool at_end)
{
    struct held_answers *held = &t->writer->held_answers;

    if (at_end || held_answers_is_due(held))
        held_answers_release(held);
    write_queue_set_held(t->writer->queue, held->count);
}

/* Make parked watches ready: the journal has grown, or some are to stop. */
static void wake_parked(struct writer_thread *t)
{
    mail_append_list(&t->ready, &t->parked);
}

/* Let watches and counters know what was changed since the journal ended with `newest`. */
static void note_changes(struct writer_thread *t, uint64_t newest)
{
    struct writer *w = t->writer;

    if (write_queue_newest(w->queue) == newest)
        return;
    wake_parked(t);
    write_queue_set_store(w->queue, journal_oldest(w->journal), store_size(w->store));
}

/* Go on with changes that are sent to the fleet's database. */
static bool step_fleet(struct writer_thread *t)
{
    bool news = fleet_up_step(t->writer, clock_wall());

    if (write_queue_ends_waiting(t->writer->queue))
        news = fleet_up_finish(t->writer) || news;
    if (news)
        wake_parked(t);
    return news;
}

static bool one_batch(struct writer_thread *t)
{
    struct writer *w = t->writer;
    uint64_t newest = write_queue_newest(w->queue);

    commit_collect(w);
    if (!commit_batch(w, clock_wall()))
        return false;
    note_changes(t, newest);
    return true;
}

/* Take the scan whose turn it is; NULL: there is none. */
static struct scan *next_scan(struct writer_thread *t)
{
    struct mail_list posted = write_queue_take_scans(t->writer->queue);

    for (struct mail *m; (m = mail_pop(&posted)) != NULL;)
        mail_append(((struct scan *)m)->own ? &t->own : &t->ready, m);
    if (write_queue_take_wake(t->writer->queue))
        wake_parked(t);
    t->own_next = t->ready.first == NULL || (t->own_next && t->own.first != NULL);
    struct mail *m = mail_pop(t->own_next ? &t->own : &t->ready);
    t->own_next = !t->own_next;
    return (struct scan *)m;
}

static bool one_chunk(struct writer_thread *t)
{
    const struct scan_sources sources = { t->writer, t->last_used, t->names };
    struct scan *s = next_scan(t);

    if (s == NULL)
        return false;
    uint64_t newest = write_queue_newest(t->writer->queue);
    if (!scan_run(s, &sources, clock_wall()))
        mail_append(&t->parked, &s->mail);
    else if (s->len == 0 && !s->finished) /* it has found nothing yet */
        mail_append(s->own ? &t->own : &t->ready, &s->mail);
    else
        mailbox_post(s->reply_to, &s->mail);
    note_changes(t, newest); /* of many tokens */
    return true;
}

/* Look at the clock.  True: tokens may be purged by it. */
static bool check_clock(struct writer_thread *t)
{
    struct writer *w = t->writer;
    const struct clock_reading now = {
        .host = clock_host(),
        .monotonic = clock_seconds(),
        .newest = w->newest_time,
        .trusted = atomic_load(&t->settings->trust_clock),
        .synchronised = clock_is_synchronised(),
    };
    struct clock_state state = clock_check_step(&t->clock_check, &now);

    clock_set_floor(state.floor);
    write_queue_set_clock(w->queue, &state);
    w->may_purge = state.may_purge;
    if (state.may_purge && now.monotonic >= t->next_note) {
        last_used_note_clock(t->last_used, now.host);
        t->next_note = now.monotonic + NOTE_SECONDS;
    }
    return state.may_purge;
}

/* Begin and end checkpoints, and let the counters know. */
static void note_saving(struct writer_thread *t)
{
    struct write_queue *queue = t->writer->queue;

    store_step(t->writer->store);
    if (!t->writer->disk_failure.broken)
        store_backup_step(t->writer->store, journal_newest(t->writer->journal));
    struct store_saving saving = store_saving(t->writer->store);
    write_queue_set_saving(queue, saving.bytes, saving.since, saving.failures);
    if (saving.ended != t->checkpoints && saving.ended > 0)
        write_queue_count_checkpoint(queue, saving.nanoseconds);
    if (saving.ended != t->checkpoints)
        write_queue_set_store(queue, journal_oldest(t->writer->journal),
                              store_size(t->writer->store));
    t->checkpoints = saving.ended;
}

static void chores(struct writer_thread *t)
{
    struct writer *w = t->writer;
    int64_t monotonic = clock_seconds();

    if (monotonic < t->next_chores)
        return;
    t->next_chores = monotonic + 1;
    journal_set_keep(w->journal, atomic_load(&t->settings->journal_entries));
    commit_retry(w);
    history_step(&w->history);
    bool may_purge = check_clock(t);
    int64_t now = clock_wall();
    if (!w->disk_failure.broken) {
        policy_check_renew(&w->policy, write_queue_take_policies(w->queue));
        expiry_warning_step(&w->expiry_warning, w->store, w->token_table, w->policy.policies,
                            may_purge, now, w->queue, &w->waiting);
        if (may_purge)
            purge_step(&t->purge, w, atomic_load(&t->settings->retention), now);
        last_used_step(t->last_used, w->token_table, now);
        refused_step(t->refused, w->store, now);
    }
    fleet_upkeep_chores(w);
    wake_parked(t);
    writer_return_memory(w);
    t->collapsing = collapse(t); /* one piece a second even under constant load */
}

/* Move a piece of the table into a huge page.  The priority is raised because whoever looks at a
 * token in that piece waits meanwhile. */
static bool collapse(struct writer_thread *t)
{
    thread_priority_raise(&t->writer->priority);
    bool some = token_table_collapse(t->writer->token_table);
    thread_priority_lower(&t->writer->priority);
    return some;
}

/* Wait until something is posted, or the chores are due. */
static void wait_for_work(struct writer_thread *t)
{
    int64_t left = t->next_chores - clock_seconds();
    int most = held_answers_wait(&t->writer->held_answers), wait = left > 0 ? (int)left * 1000 : 0;

    int fleet = fleet_up_wait(t->writer->fleet_up);

    most = fleet < most ? fleet : most;
    write_queue_await_work(t->writer->queue, wait < most ? wait : most);
}
