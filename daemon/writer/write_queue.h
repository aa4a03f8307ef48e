/* SPDX-License-Identifier: Apache-2.0 */
/* What other threads may touch of the writer: they post changes and scans here, and read its
 * counters.  The store and all that belongs to it are the writer's thread's (writer_state.h). */
#ifndef JETON_DAEMON_WRITER_WRITE_QUEUE_H
#define JETON_DAEMON_WRITER_WRITE_QUEUE_H

#include "daemon/base/histogram.h"
#include "daemon/config/policy.h"
#include "daemon/table/token_table.h"
#include "daemon/writer/change.h"
#include "daemon/writer/clock_check.h"
#include "daemon/writer/scan.h"

struct write_queue;

/* Whether the table has the store's bans (ban_load.h). */
enum ban_state { BANS_OUT, BANS_WANTED, BANS_LOADING, BANS_IN, BANS_FAILED };

/* Tokens that have an end within 1, 3, 7, 14, 30, 90 and 365 days; and those without an end. */
enum { TOKENS_LEFT_COUNTS = 8 };

struct write_queue_stats {
    uint64_t commits;
    uint64_t changes;
    uint64_t failures;
    uint64_t denials_unsaved; /* in force in memory alone */
    uint64_t answers_held;    /* held_answers.h */
    uint64_t journal_oldest;
    uint64_t journal_newest;
    uint64_t store_bytes;
    struct clock_state clock;
    uint64_t log_bytes;           /* of the store's log: what its file does not have */
    uint64_t log_unsaved_seconds; /* how old that is; 0: there is none */
    uint64_t checkpoint_failures;
    uint64_t bans; /* in the store */
    uint64_t left[TOKENS_LEFT_COUNTS];
    uint64_t states[STATUS_COUNT]; /* tokens; STATUS_OK: active ones */
    uint64_t busy_seconds;         /* since the writer last waited for work: the disk may be slow */
};

struct refusals;

/* Make an empty queue for changes to this table, which must outlive it.  NULL: no memory or
 * descriptor. */
struct write_queue *write_queue_new(struct token_table *token_table);

/* Free the queue with the changes and scans that nobody took; NULL is allowed. */
void write_queue_free(struct write_queue *q);

/* -- any thread ------------------------------------------------------------------------------ */

/* Post changes, after their denials have taken effect in the table: a denial does not wait for the
 * disk.  Each change comes back by mail to its `reply_to`; the list is left empty. */
void write_queue_post(struct write_queue *q, struct mail_list *changes);

/* Announce (`by` 1) that more changes are about to be posted, which lets a batch wait a moment for
 * them, or (`by` -1) that they now were. */
void write_queue_expect(struct write_queue *q, int by);

/* Post a scan; it comes back to its `reply_to` with its next chunk. */
void write_queue_scan(struct write_queue *q, struct scan *s);

/* Make the writer look again at watches that wait for news, because a scan's `stop` was set. */
void write_queue_wake(struct write_queue *q);

/* Return where verifying threads note refusals.  It is the queue's. */
struct refusals *write_queue_refusals(struct write_queue *q);

/* Return the epoch of the store (store/history.h), which does not change. */
const char *write_queue_epoch(const struct write_queue *q);
/* Ask for the bans to be loaded into the table, and look how far that is.  The main thread alone asks
 * for them, and drops them again. */
void write_queue_want_bans(struct write_queue *q);
void write_queue_drop_bans(struct write_queue *q);
enum ban_state write_queue_bans(const struct write_queue *q);

/* Post policies, which the queue then owns; they apply to every change that is applied from now on. */
void write_queue_set_policies(struct write_queue *q, struct policies *policies);

/* Read the counters; whoever has an answer finds it counted. */
struct write_queue_stats write_queue_stats(struct write_queue *q);

/* Return the days that the count at this place of `left`, other than the last, is about. */
int64_t write_queue_days(size_t at);

/* Return how long transactions took to be saved, failed ones included.  The histogram is the
 * queue's, and goes on growing. */
const struct histogram *write_queue_commit_time(const struct write_queue *q);

/* Return how long checkpoints took, failed ones included; likewise. */
const struct histogram *write_queue_checkpoint_time(const struct write_queue *q);

/* Let the writer's thread answer from now on what it holds for the fleet's database: workers that stop wait for it. */
void write_queue_end_waiting(struct write_queue *q);

/* Ask the writer's thread to finish what is waiting, and end. */
void write_queue_stop(struct write_queue *q);

/* -- the writer's thread only ---------------------------------------------------------------- */

/* Take everything that was posted, oldest first. */
struct mail_list write_queue_take_changes(struct write_queue *q);
struct mail_list write_queue_take_scans(struct write_queue *q);

/* Return the policies that were posted last, once, for the caller to free; NULL: none were. */
struct policies *write_queue_take_policies(struct write_queue *q);

/* True once after write_queue_wake(). */
bool write_queue_take_wake(struct write_queue *q);

/* The newest serial that was set. */
uint64_t write_queue_newest(const struct write_queue *q);

/* True once a change was posted that concerns a token known by its value's SHA-256. */
bool write_queue_wants_sha256(const struct write_queue *q);

bool write_queue_is_expecting(const struct write_queue *q);
bool write_queue_is_stopping(const struct write_queue *q);
bool write_queue_ends_waiting(const struct write_queue *q);

/* Wait for a change, at most so many milliseconds. */
void write_queue_await_change(struct write_queue *q, int milliseconds);

/* Wait for a change, a scan or a wake-up, at most so many milliseconds; busy_seconds is 0 from then
 * on, until write_queue_set_busy() lets it count from the present. */
void write_queue_await_work(struct write_queue *q, int milliseconds);
void write_queue_set_busy(struct write_queue *q);

/* Count a commit of so many changes, a batch that failed, and how long a transaction took. */
void write_queue_count_commit(struct write_queue *q, uint64_t changes);
void write_queue_count_failure(struct write_queue *q);
void write_queue_count_time(struct write_queue *q, uint64_t nanoseconds);

/* Set how much of the log is unsaved, since when (clock_seconds(); 0: nothing is), and how many checkpoints
 * have failed, and count a checkpoint. */
void write_queue_set_saving(struct write_queue *q, uint64_t bytes, int64_t since,
                            uint64_t failures);
void write_queue_count_checkpoint(struct write_queue *q, uint64_t nanoseconds);

/* Before other threads run. */
void write_queue_set_epoch(struct write_queue *q, const char *epoch);

/* Set what the counters show of journal, clock, store and answers. */
void write_queue_set_newest(struct write_queue *q, uint64_t serial);
void write_queue_set_clock(struct write_queue *q, const struct clock_state *state);
void write_queue_set_unsaved(struct write_queue *q, uint64_t denials);
void write_queue_set_held(struct write_queue *q, uint64_t answers);
void write_queue_set_store(struct write_queue *q, uint64_t journal_oldest, uint64_t bytes);
void write_queue_set_ban_count(struct write_queue *q, uint64_t bans);
void write_queue_set_left(struct write_queue *q, const uint64_t left[TOKENS_LEFT_COUNTS],
                          const uint64_t states[STATUS_COUNT]);

/* Set how far the loading of bans is. */
void write_queue_set_bans(struct write_queue *q, enum ban_state state);

#endif
