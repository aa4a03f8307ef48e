/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/store_backup.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/file_held.h"
#include "daemon/base/log.h"
#include "daemon/base/thread.h"
#include "daemon/store/file_copy.h"
#include "daemon/store/store_private.h"

enum { HELD_MAX = 3600 }; /* seconds */

enum state { AHEAD, READY, HELD, DONE, FAILED, HANDED_OUT };

struct store_backup {
    enum state state;
    bool cancelled; /* nobody waits for it */
    const char *path;
    struct file_copy copy;
    struct log_saving_work work;
    int64_t since; /* that it is handed out; clock_seconds() */
    int64_t looked;
    void (*wake)(void *context);
    void *wake_context;
    pthread_t thread;
    bool started;
    struct problem problem;
    atomic_bool ended; /* AHEAD, HELD: hands over all of the above, and the next */
    bool good;
};

/* -- the copy is a store by itself ------------------------------------------------------------ */

/* Return the first record that goes with no log, in a value of this length. */
static bool without_log(struct slice head, char *bytes, size_t len)
{
    const struct log_note none = { .next = 0 };
    struct text t = text_in(bytes, len);

    if (!log_note_write(&t, head, &none))
        return false;
    memset(bytes + t.len, ' ', len - t.len);
    return true;
}

static bool write_head(int fd, const struct tdb_lookup *l, struct slice head)
{
    char bytes[TDB_FILE_FIRST_MAX + 2 * TDB_FILE_SPARE];
    uint64_t at;
    size_t len;

    return tdb_lookup_place(l, slice_of(STORE_HEAD_KEY), &at, &len) == LOOKUP_FOUND &&
           len == head.len && without_log(head, bytes, len) &&
           pwrite(fd, bytes, len, (off_t)at) == (ssize_t)len;
}

/* Note in the copy that it has no log: all of it is there. */
static bool end_log(struct store_backup *b)
{
    char head[TDB_FILE_FIRST_MAX + 2 * TDB_FILE_SPARE];
    size_t len;
    int fd = dup(b->copy.to);
    struct tdb_lookup *l = fd >= 0 ? tdb_lookup_new(fd) : NULL;
    bool done = l != NULL &&
                tdb_lookup_get(l, slice_of(STORE_HEAD_KEY), head, sizeof(head), &len) ==
                    LOOKUP_FOUND &&
                write_head(b->copy.to, l, (struct slice){ head, len });

    tdb_lookup_close(l);
    if (!done && !atomic_load(&b->copy.stop))
        problem_set(&b->problem, STATUS_STORE, "the copy of %.120s is damaged", b->copy.path);
    return done;
}

static bool finish(struct store_backup *b)
{
    return file_copy_finish(&b->copy, &b->problem) && end_log(b);
}

/* -- other threads ---------------------------------------------------------------------------- */

static void *copy_ahead(void *backup)
{
    struct store_backup *b = backup;
    struct thread_priority priority;

    thread_begin();
    thread_priority_begin(&priority);
    b->good = file_copy_ahead(&b->copy, &b->problem);
    atomic_store(&b->ended, true);
    if (b->wake != NULL)
        b->wake(b->wake_context);
    return NULL;
}

/* A checkpoint has ended, or failed: the file is nobody else's now, and has no locks. */
static void on_checkpoint(void *backup, bool done)
{
    struct store_backup *b = backup;

    if (b->good && !done)
        problem_set(&b->problem, STATUS_STORE,
                    "the store's file cannot be written (see jetond's log)");
    b->good = b->good && done && finish(b);
    file_copy_leave(&b->copy);
    atomic_store(&b->ended, true);
}

/* -- states ----------------------------------------------------------------------------------- */

static void begin_ahead(struct store_backup *b)
{
    b->good = file_copy_begin(&b->copy, b->path, &b->problem);
    b->state = b->good ? AHEAD : READY;
    if (!b->good)
        return;
    b->started = pthread_create(&b->thread, NULL, copy_ahead, b) == 0;
    if (!b->started)
        copy_ahead(b);
}

static void end_ahead(struct store_backup *b)
{
    if (b->started)
        pthread_join(b->thread, NULL);
    b->started = false;
    atomic_store(&b->ended, false);
    b->state = READY;
}

/* End it without a checkpoint: nobody has the file. */
static void hold_here(struct store_backup *b, bool done, uint64_t serial)
{
    b->work.begun = true;
    b->work.serial = serial;
    on_checkpoint(b, done);
}

/* Have it ended by the next checkpoint, and begin that; without a log that is now. */
static void try_to_hold(struct store *s, uint64_t serial)
{
    struct store_backup *b = s->backup;
    struct store_log *l = s->log;

    if (b->work.begun)
        return;
    if (l != NULL)
        l->work = NULL;
    if (l != NULL && l->begun) {
        l->work = &b->work;
    } else if (!b->good || (l != NULL && l->failed)) {
        hold_here(b, false, serial);
    } else if (l != NULL) {
        l->newest = serial;
        l->work = &b->work;
        log_saving_begin(l);
    } else if (s->base.file.tdb != NULL) {
        hold_here(b, true, serial);
    }
}

/* Return true if it is over: nobody has the copy. */
static bool look_after(struct store_backup *b)
{
    int64_t now = clock_seconds();

    if (now == b->looked) /* it was in this second */
        return false;
    b->looked = now;
    if (!file_is_held(b->copy.to))
        return true;
    if (now - b->since < HELD_MAX)
        return false;
    log_warning("backup: a client did not read its copy in an hour: it gets no more of it");
    return ftruncate(b->copy.to, 0) == 0;
}

static void advance(struct store *s, uint64_t serial)
{
    struct store_backup *b = s->backup;

    if (b->state == AHEAD && atomic_load(&b->ended))
        end_ahead(b);
    if (b->state == READY)
        try_to_hold(s, serial);
    if (b->state == READY && b->work.begun)
        b->state = HELD;
    if (b->state == HELD && atomic_load(&b->ended))
        b->state = b->good ? DONE : FAILED;
}

/* True if it has ended, and can be forgotten. */
static bool is_over(struct store_backup *b)
{
    if (b->state < DONE)
        return false;
    return b->state == HANDED_OUT ? look_after(b) : b->cancelled;
}

void store_backup_step(struct store *s, uint64_t serial)
{
    if (s->backup == NULL)
        return;
    advance(s, serial);
    if (is_over(s->backup))
        store_backup_free(s);
}

/* -- who asks for it -------------------------------------------------------------------------- */

bool store_backup_begin(struct store *s, struct problem *problem)
{
    if (s->backup != NULL) {
        s->backup->looked = 0; /* look now */
        if (is_over(s->backup))
            store_backup_free(s);
    }
    if (s->backup != NULL) {
        problem_set(problem, STATUS_BUSY, "%s: try again when that has ended",
                    s->backup->state == HANDED_OUT ? "the copy of the last backup is being read" :
                                                     "another backup is being made");
        return false;
    }
    s->backup = calloc(1, sizeof(*s->backup));
    if (s->backup == NULL) {
        problem_set(problem, STATUS_INTERNAL, "no memory for a backup");
        return false;
    }
    s->backup->copy = file_copy_none;
    s->backup->path = s->base.file.path;
    s->backup->wake = s->wake;
    s->backup->wake_context = s->wake_context;
    s->backup->work = (struct log_saving_work){ .at_end = on_checkpoint, .context = s->backup };
    begin_ahead(s->backup);
    return true;
}

enum backup_progress store_backup_take(struct store *s, struct backup_result *result,
                                       struct problem *problem)
{
    struct store_backup *b = s->backup;

    if (b->state < DONE)
        return BACKUP_GOES_ON;
    if (b->state == FAILED) {
        *problem = b->problem;
        store_backup_free(s);
        return BACKUP_FAILED;
    }
    *result = (struct backup_result){ b->copy.passed, b->copy.size, b->work.serial };
    b->copy.passed = -1;
    b->state = HANDED_OUT;
    b->since = b->looked = clock_seconds();
    return BACKUP_DONE;
}

void store_backup_cancel(struct store *s)
{
    s->backup->cancelled = true;
    atomic_store(&s->backup->copy.stop, true);
}

void store_backup_stop(struct store *s)
{
    struct store_backup *b = s->backup;

    if (b == NULL)
        return;
    atomic_store(&b->copy.stop, true);
    if (b->started)
        pthread_join(b->thread, NULL);
    b->started = false;
    if (s->log != NULL && s->log->work == &b->work)
        s->log->work = NULL;
}

void store_backup_free(struct store *s)
{
    store_backup_stop(s);
    if (s->backup != NULL) {
        file_copy_leave(&s->backup->copy);
        file_copy_end(&s->backup->copy);
    }
    free(s->backup);
    s->backup = NULL;
}
