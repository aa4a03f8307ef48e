/* SPDX-License-Identifier: Apache-2.0 */
/* When what is logged is saved in the store's file: once it is a few MiB, or half of the log, or some
 * seconds old.  If that fails it is tried again each second, and the log goes on, up to a bound. */
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/store/store_log.h"

enum {
    MIB = 1024 * 1024,
    SAVE_BYTES_MIN = 4 * MIB, /* of the active layer, in memory: then it is saved */
    SAVE_BYTES_MAX = 12 * MIB,
    WAIT_BYTES = 4 * MIB, /* it grows no larger than so much more */
    SAVE_AGE = 3,         /* seconds; looked at about every second */
    RETRY = 1,            /* likewise */
};

struct log_note log_saving_note(const struct store_log *l, uint64_t next)
{
    struct log_note note = { .next = next };

    memcpy(note.name, l->name, sizeof(note.name));
    return note;
}

/* -- one checkpoint --------------------------------------------------------------------------- */

static void log_outcome(struct store_log *l, const struct checkpoint_outcome *outcome)
{
    if (!outcome->done && !l->failed)
        log_error("%s; changes are safe in its log, as long as that has space",
                  outcome->problem.message);
    if (outcome->done && l->failed)
        log_info("store: %s has what its log had", l->store->file.path);
    l->failed = !outcome->done;
}

/* Take the outcome of a checkpoint of what is frozen. */
static bool take_outcome(struct store_log *l)
{
    const struct checkpoint_outcome *outcome = checkpoint_outcome(l->checkpoint);

    log_outcome(l, outcome);
    l->ended++;
    l->failures += !outcome->done;
    l->nanoseconds = outcome->nanoseconds;
    if (outcome->size > 0)
        l->size = outcome->size;
    if (!outcome->done) {
        l->problem = outcome->problem;
        l->retry = clock_seconds() + RETRY;
        return false;
    }
    l->ending = false; /* the file notes the log */
    l->saved = l->frozen_next;
    wal_set_saved(l->wal, l->saved);
    overlay_free(l->frozen);
    l->frozen = NULL;
    return true;
}

static void collect(struct store_log *l)
{
    if (l->begun && !checkpoint_is_running(l->checkpoint)) {
        l->begun = false;
        take_outcome(l);
    }
}

/* Have something frozen, or `nothing` at least; false: there is nothing to be saved, or no memory. */
static bool freeze(struct store_log *l, bool nothing)
{
    if (l->frozen != NULL)
        return true;
    if (overlay_count(l->active) == 0 && !nothing)
        return false;
    struct overlay *empty = overlay_new();
    if (empty == NULL)
        return false;
    l->frozen = l->active;
    l->active = empty;
    l->frozen_next = l->next;
    l->frozen_oldest = overlay_count(l->frozen) > 0 ? l->oldest : clock_seconds();
    return true;
}

/* What is to be done at the end of a checkpoint goes with one that saves all that is logged. */
static void hand_over(struct store_log *l)
{
    struct log_saving_work *work = l->work;

    if (work == NULL)
        return;
    work->begun = true;
    work->serial = l->newest;
    l->work = NULL;
    checkpoint_then(l->checkpoint, work->at_end, work->context);
}

static void start(struct store_log *l)
{
    const bool all = l->frozen == NULL;

    if (!freeze(l, l->work != NULL))
        return;
    if (all)
        hand_over(l);
    const struct log_note note = log_saving_note(l, l->frozen_next);
    l->begun = true;
    l->direct = false; /* the file is not this thread's */
    checkpoint_begin(l->checkpoint, l->frozen, &note);
}

/* Each checkpoint writes most of the heads of tdb's chains, 4 MiB, twice: so it is of more changes, the larger
 * the log is.  What is being saved and what has come meanwhile take less of the log than of memory. */
static size_t save_bytes(const struct store_log *l)
{
    const uint64_t share = wal_capacity(l->wal) / 8 * 3;

    return share < SAVE_BYTES_MIN ? SAVE_BYTES_MIN :
           share > SAVE_BYTES_MAX ? SAVE_BYTES_MAX :
                                    (size_t)share;
}

static size_t active_bytes(const struct store_log *l)
{
    return save_bytes(l) + WAIT_BYTES;
}

/* -- when ------------------------------------------------------------------------------------- */

static bool is_due(const struct store_log *l)
{
    const int64_t now = clock_seconds();

    if (l->frozen != NULL)
        return now >= l->retry;
    if (overlay_count(l->active) == 0)
        return false;
    return l->asked > l->saved || overlay_bytes(l->active) >= save_bytes(l) ||
           now - l->oldest >= SAVE_AGE || wal_unsaved_bytes(l->wal) >= wal_capacity(l->wal) / 2 ||
           wal_is_full(l->wal);
}

void log_saving_step(struct store_log *l)
{
    collect(l);
    if (!l->begun && l->loaded && is_due(l)) {
        start(l);
        collect(l); /* without a thread */
    }
}

static bool is_full(const struct store_log *l)
{
    return overlay_bytes(l->active) >= active_bytes(l) || wal_is_full(l->wal);
}

/* A checkpoint may take long until it fails; so while one is running, changes leave space for the denials
 * that come behind it. */
static bool must_wait(const struct store_log *l)
{
    return is_full(l) ||
           (l->begun && !l->failed && wal_unsaved_bytes(l->wal) >= wal_capacity(l->wal) / 8 * 5);
}

void log_saving_begin(struct store_log *l)
{
    collect(l);
    if (!l->begun && l->frozen == NULL && !l->in_doubt && !l->broken && l->loaded)
        start(l);
}

bool log_saving_is_short(const struct store_log *l)
{
    return l->failed && (overlay_bytes(l->active) >= active_bytes(l) / 2 ||
                         wal_unsaved_bytes(l->wal) >= wal_capacity(l->wal) / 8 * 3);
}

bool log_saving_await_space(struct store_log *l)
{
    log_saving_step(l);
    while (must_wait(l)) {
        if (!l->begun)
            return false;
        checkpoint_wait(l->checkpoint, -1);
        log_saving_step(l);
    }
    return true;
}

void log_saving_settle(struct store_log *l)
{
    if (l->checkpoint == NULL)
        return;
    checkpoint_wait(l->checkpoint, -1);
    collect(l);
}

/* -- everything ------------------------------------------------------------------------------- */

bool log_saving_flush(struct store_log *l)
{
    log_saving_settle(l);
    while (freeze(l, false)) {
        const struct log_note note = log_saving_note(l, l->frozen_next);
        checkpoint_save(l->checkpoint, l->frozen, &note);
        if (!take_outcome(l))
            return false;
    }
    return overlay_count(l->active) == 0;
}

bool log_saving_end(struct store_log *l)
{
    const struct log_note none = { .next = 0 };
    bool saved;

    log_saving_settle(l);
    if (l->frozen != NULL && !log_saving_flush(l))
        return false;
    saved = checkpoint_save(l->checkpoint, l->active, &none);
    l->ending = !saved && checkpoint_is_in_doubt(l->checkpoint);
    if (!saved)
        l->problem = checkpoint_outcome(l->checkpoint)->problem;
    else
        overlay_clear(l->active);
    return saved;
}
