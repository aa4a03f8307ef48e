/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/writer_state.h"

#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/base/thread_heap.h"
#include "daemon/writer/fleet_up_state.h"
#include "daemon/writer/load.h"

/* tdb grows a large file by a tenth and ends at 4 GiB: stop while that step still fits. */
#define STORE_LIMIT (UINT64_C(7) << 29)

enum { CHANGES = 1000, IDLE_SECONDS = 4 };

/* TDB holds each page that a transaction touches, some 12 MiB with a thousand changes.  Given back
 * after each commit, they are faulted in again for the next, which then takes twice as long. */
void writer_keep_memory(void)
{
    thread_heap_keep();
}

void writer_return_memory(struct writer *w)
{
    uint64_t newest = journal_newest(w->journal);
    int64_t now = clock_seconds();

    if (newest != w->memory.newest) {
        w->memory.newest = newest;
        w->memory.since = now;
    }
    if (newest - w->memory.returned < CHANGES || now - w->memory.since < IDLE_SECONDS)
        return;
    w->memory.returned = newest;
    thread_heap_trim();
}

bool writer_init(struct writer *w, struct store *store, const char *prefix,
                 uint64_t journal_entries, struct problem *problem)
{
    *w = (struct writer){ .store_limit = STORE_LIMIT,
                          .journal = journal_new(journal_entries),
                          .history = { .fd = -1 } };
    bool loaded = w->journal != NULL &&
                  load_store(store, prefix, w->journal, &w->token_table, &w->index, &w->bans,
                             problem) &&
                  history_begin(&w->history, store, journal_newest(w->journal), problem);
    if (loaded && subject_counts_begin(&w->policy.counts, w->token_table) &&
        disk_failure_reserve(&w->disk_failure, DISK_FAILURE_CHANGES_MAX))
        w->queue = write_queue_new(w->token_table);
    if (w->queue == NULL) {
        if (w->journal == NULL || loaded)
            problem_set(problem, STATUS_INTERNAL, "no memory or descriptor for the writer");
        writer_destroy(w);
        return false;
    }
    w->store = store;
    w->disk_failure.store = store;
    w->disk_failure.journal = w->journal;
    w->disk_failure.token_table = w->token_table;
    w->disk_failure.index = &w->index;
    w->disk_failure.subjects = &w->subjects;
    w->disk_failure.bans = &w->bans;
    w->disk_failure.counts = &w->policy.counts;
    w->disk_failure.readable = true;
    write_queue_set_ban_count(w->queue, w->bans);
    w->newest_time = journal_newest_time(w->journal);
    w->retry = w->history.unsaved; /* at once, with the first batch */
    write_queue_set_epoch(w->queue, w->history.epoch);
    write_queue_set_newest(w->queue, journal_newest(w->journal));
    write_queue_set_store(w->queue, journal_oldest(w->journal), store_size(store));
    return true;
}

void writer_destroy(struct writer *w)
{
    for (struct mail *m; (m = mail_pop(&w->waiting)) != NULL;)
        change_free((struct change *)m);
    write_queue_free(w->queue);
    history_end(&w->history);
    disk_failure_clear(&w->disk_failure);
    policy_check_end(&w->policy);
    expiry_warning_end(&w->expiry_warning);
    touched_free(&w->touched);
    fleet_up_free(w->fleet_up);
    fleet_close(w->fleet);
    token_table_free(w->token_table);
    creation_index_free(&w->index);
    subject_index_forget(&w->subjects);
    change_rate_free(&w->rates);
    journal_free(w->journal);
    store_close(w->store);
}
