/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a store has a log, and how it goes on when that, or the file, fails. */
#include "daemon/store/store_saving.h"

#include <errno.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/store/store_backup.h"
#include "daemon/store/store_private.h"

enum { LOG_RETRY = 10 }; /* seconds */

/* -- the log ---------------------------------------------------------------------------------- */

static bool begin_log(struct store *s, struct problem *problem)
{
    s->log = store_log_begin(&s->base, s->log_size, problem);
    if (s->log != NULL)
        checkpoint_set_end(s->log->checkpoint, s->wake, s->wake_context);
    return s->log != NULL;
}

bool store_end_log(struct store *s, struct problem *problem)
{
    if (s->log == NULL)
        return true;
    if (!log_saving_end(s->log)) {
        *problem = s->log->problem;
        return false;
    }
    store_log_free(s->log);
    s->log = NULL;
    return true;
}

bool store_use_log(struct store *s, uint64_t size, struct problem *problem)
{
    s->log_size = size;
    if (size == 0)
        return store_end_log(s, problem) && wal_remove(s->base.file.path, problem);
    if (s->log != NULL || begin_log(s, problem))
        return true;
    log_warning("%s; changes are saved without a log", problem->message);
    s->log_retry = clock_seconds() + LOG_RETRY;
    return true;
}

/* Go on without a log that cannot be written, and try again later. */
static bool give_up_log(struct store *s, struct problem *problem)
{
    char why[sizeof(problem->message)];

    memcpy(why, s->log->problem.message, sizeof(why));
    if (!store_end_log(s, problem))
        return false;
    log_warning("%.200s; changes are saved without it", why);
    s->log_retry = clock_seconds() + LOG_RETRY;
    return true;
}

void store_step(struct store *s)
{
    struct problem problem;

    if (s->log != NULL) {
        log_saving_step(s->log);
    } else if (s->log_size > 0 && s->base.file.tdb != NULL && clock_seconds() >= s->log_retry) {
        s->log_retry = clock_seconds() + LOG_RETRY;
        if (begin_log(s, &problem))
            log_info("store: %s has a log again", s->base.file.path);
    }
}

bool store_save(struct store *s, struct problem *problem)
{
    if (s->log == NULL || log_saving_flush(s->log))
        return true;
    *problem = s->log->problem;
    return false;
}

static int64_t unsaved_since(const struct store_log *l)
{
    if (l->frozen != NULL)
        return l->frozen_oldest;
    return overlay_count(l->active) > 0 ? l->oldest : 0;
}

struct store_saving store_saving(struct store *s)
{
    struct store_log *l = s->log;

    if (l == NULL)
        return (struct store_saving){ .bytes = 0 };
    struct store_saving saving = {
        .bytes = l->next > l->saved ? wal_unsaved_bytes(l->wal) : 0,
        .since = unsaved_since(l),
        .next = l->next,
        .saved = l->saved,
        .ended = l->ended,
        .failures = l->failures,
        .nanoseconds = l->nanoseconds,
    };
    return saving;
}

bool store_is_short(const struct store *s)
{
    return s->log != NULL && log_saving_is_short(s->log);
}

void store_ask_checkpoint(struct store *s, uint64_t next)
{
    if (s->log != NULL && s->log->asked < next)
        s->log->asked = next;
}

void store_set_wake(struct store *s, void (*wake)(void *context), void *context)
{
    store_backup_stop(s); /* it would call the last one */
    s->wake = wake;
    s->wake_context = context;
    if (s->log != NULL && s->log->checkpoint != NULL)
        checkpoint_set_end(s->log->checkpoint, wake, context);
}

/* -- after a failure -------------------------------------------------------------------------- */

bool store_reopen(struct store *s, struct problem *problem)
{
    if (store_is_direct(s))
        return store_file_reopen(&s->base, problem);
    store_log_reopen(s->log); /* if it cannot be read, all that is known is here */
    return true;
}

bool store_repair(struct store *s, struct problem *problem)
{
    if (!store_is_direct(s))
        return !s->log->broken || give_up_log(s, problem);
    if (tdb_file_repair(&s->base.file))
        return true;
    problem_set(problem, STATUS_STORE, "store %.150s cannot be written: %s", s->base.file.path,
                strerror(errno));
    return false;
}

void store_shrink(struct store *s)
{
    if (store_is_direct(s))
        tdb_file_shrink(&s->base.file);
}
