/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/checkpoint.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/base/thread.h"
#include "daemon/base/thread_heap.h"
#include "daemon/base/timed_wait.h"
#include "daemon/store/checkpoint_layer.h"

struct checkpoint {
    struct store_file *store;
    struct tdb_lookup *lookup;   /* NULL: none yet */
    bool in_doubt;               /* a commit failed, and it is not known what became of it */
    struct log_note doubtful;    /* what it would have noted */
    const struct overlay *layer; /* to be saved, and the note; constant while it is running */
    struct log_note note;
    struct checkpoint_outcome outcome;
    void (*then)(void *context, bool done); /* NULL: nothing */
    void *then_context;
    pthread_t thread;
    bool started;
    pthread_mutex_t mutex; /* of the next four; `running` hands over all of the above */
    void (*on_end)(void *context);
    void *context;
    pthread_cond_t changed;
    bool running;
    bool stopping;
};

static bool open_lookup(struct checkpoint *c);

/* The look-up is opened now: later there may be no descriptor, or it would be the one that an administrator
 * can come in with. */
struct checkpoint *checkpoint_new(struct store_file *store)
{
    struct checkpoint *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    c->store = store;
    pthread_mutex_init(&c->mutex, NULL);
    timed_wait_init(&c->changed);
    open_lookup(c);
    return c;
}

void checkpoint_set_end(struct checkpoint *c, void (*on_end)(void *context), void *context)
{
    pthread_mutex_lock(&c->mutex);
    c->on_end = on_end;
    c->context = context;
    pthread_mutex_unlock(&c->mutex);
}

void checkpoint_free(struct checkpoint *c)
{
    if (c == NULL)
        return;
    pthread_mutex_lock(&c->mutex);
    c->stopping = true;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->mutex);
    if (c->started)
        pthread_join(c->thread, NULL);
    tdb_lookup_close(c->lookup);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->mutex);
    free(c);
}

/* -- one checkpoint --------------------------------------------------------------------------- */

static bool fail(struct checkpoint *c, const char *what)
{
    const struct tdb_file *file = &c->store->file;

    problem_set(&c->outcome.problem, STATUS_STORE, "store %.100s cannot be %s: %.80s", file->path,
                what, file->failed ? file->error_text : strerror(errno));
    return false;
}

/* Open the file again after a commit that failed, and find out whether it is done: by what it would have
 * noted, as another may be wanted by now.  False: it is not, or that is not known. */
static bool find_out(struct checkpoint *c)
{
    struct tdb_file *file = &c->store->file;
    struct log_note note;

    if (!store_file_reopen(c->store, &c->outcome.problem))
        return false;
    if (!tdb_file_repair(file))
        return fail(c, "written");
    if (!store_file_read_note(c->store, &note, &c->outcome.problem))
        return false;
    c->in_doubt = false;
    if (log_note_equal(&note, &c->doubtful))
        return true;
    tdb_file_shrink(file);
    return false;
}

/* Look-ups leave alone what the commit changes, until it is known what became of it. */
static bool commit(struct checkpoint *c)
{
    struct tdb_file *file = &c->store->file;

    if (c->lookup != NULL)
        tdb_lookup_commit_begin(c->lookup, tdb_map_size(file->tdb) > file->size_before);
    bool done = tdb_file_commit(file);
    if (!done) {
        fail(c, "written");
        tdb_file_abandon(file);
        c->in_doubt = true;
        c->doubtful = c->note;
        done = find_out(c);
    }
    if (c->lookup != NULL && !c->in_doubt)
        tdb_lookup_commit_end(c->lookup);
    return done;
}

/* Have the file as it was before a commit that failed, or behind it; `done`: that was this one. */
static bool mend(struct checkpoint *c, bool *done)
{
    struct tdb_file *file = &c->store->file;

    *done = false;
    if (!c->in_doubt && file->tdb == NULL && !store_file_reopen(c->store, &c->outcome.problem))
        return false;
    if (!c->in_doubt)
        return !file->in_doubt || tdb_file_repair(file) || fail(c, "written");
    *done = find_out(c) && log_note_equal(&c->doubtful, &c->note);
    if (!c->in_doubt && c->lookup != NULL)
        tdb_lookup_commit_end(c->lookup);
    return !c->in_doubt;
}

bool checkpoint_open(struct checkpoint *c)
{
    struct problem problem;

    return c->store->file.tdb != NULL || store_file_reopen(c->store, &problem);
}

static bool save(struct checkpoint *c)
{
    struct tdb_file *file = &c->store->file;
    bool done;

    errno = 0;
    if (!mend(c, &done) || done)
        return done;
    if (!tdb_file_begin(file))
        return fail(c, "written");
    if (checkpoint_layer_put(c->store, c->layer, c->lookup, &c->note))
        return commit(c);
    fail(c, "written");
    tdb_file_abandon(file);
    return false;
}

static void run_one(struct checkpoint *c)
{
    uint64_t began = clock_monotonic();
    const struct tdb_file *file = &c->store->file;

    c->outcome.done = save(c);
    c->outcome.nanoseconds = clock_monotonic() - began;
    if (file->tdb != NULL)
        c->outcome.size = tdb_map_size(file->tdb);
    if (c->then != NULL)
        c->then(c->then_context, c->outcome.done);
    c->then = NULL;
}

void checkpoint_then(struct checkpoint *c, void (*then)(void *context, bool done), void *context)
{
    c->then = then;
    c->then_context = context;
}

/* Between transactions: see tdb_lookup_open(). */
static bool open_lookup(struct checkpoint *c)
{
    int fd = c->lookup == NULL ? tdb_file_open_again(&c->store->file) : -1;

    if (fd >= 0)
        c->lookup = tdb_lookup_new(fd);
    return c->lookup != NULL;
}

bool checkpoint_save(struct checkpoint *c, const struct overlay *layer, const struct log_note *note)
{
    c->layer = layer;
    c->note = *note;
    if (overlay_count(layer) > 0)
        open_lookup(c);
    run_one(c);
    return c->outcome.done;
}

/* -- the thread ------------------------------------------------------------------------------- */

static void end_one(struct checkpoint *c)
{
    pthread_mutex_lock(&c->mutex);
    c->running = false;
    pthread_cond_broadcast(&c->changed);
    if (c->on_end != NULL)
        c->on_end(c->context);
    pthread_mutex_unlock(&c->mutex);
}

enum { IDLE_MILLISECONDS = 1000 };

/* Wait a second for the next one.  False: there is none. */
static bool await_soon(struct checkpoint *c)
{
    struct timespec until = timed_wait_until(IDLE_MILLISECONDS);

    pthread_mutex_lock(&c->mutex);
    while (!c->running && !c->stopping &&
           pthread_cond_timedwait(&c->changed, &c->mutex, &until) == 0)
        continue;
    bool wanted = c->running || c->stopping;
    pthread_mutex_unlock(&c->mutex);
    return wanted;
}

/* Take a turn; false: it is time to stop.  TDB frees all pages of the transaction at its end, some MiB, which
 * are given back unless the next one follows soon, which would fault them in again. */
static bool await_one(struct checkpoint *c)
{
    if (!await_soon(c))
        thread_heap_trim();
    pthread_mutex_lock(&c->mutex);
    while (!c->running && !c->stopping)
        pthread_cond_wait(&c->changed, &c->mutex);
    bool running = c->running;
    pthread_mutex_unlock(&c->mutex);
    return running;
}

static void *run(void *checkpoint)
{
    struct checkpoint *c = checkpoint;
    struct thread_priority priority;

    thread_begin();
    thread_priority_begin(&priority);
    while (await_one(c)) {
        run_one(c);
        end_one(c);
    }
    return NULL;
}

void checkpoint_begin(struct checkpoint *c, const struct overlay *layer,
                      const struct log_note *note)
{
    c->layer = layer;
    c->note = *note;
    open_lookup(c); /* without one, who looks waits for the end */
    c->started = c->started || pthread_create(&c->thread, NULL, run, c) == 0;
    if (!c->started) {
        run_one(c);
        return;
    }
    pthread_mutex_lock(&c->mutex);
    c->running = true;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->mutex);
}

bool checkpoint_is_running(struct checkpoint *c)
{
    pthread_mutex_lock(&c->mutex);
    bool running = c->running;
    pthread_mutex_unlock(&c->mutex);
    return running;
}

bool checkpoint_wait(struct checkpoint *c, int milliseconds)
{
    struct timespec until = timed_wait_until(milliseconds);
    int error = 0;

    pthread_mutex_lock(&c->mutex);
    while (c->running && error == 0)
        error = milliseconds < 0 ? pthread_cond_wait(&c->changed, &c->mutex) :
                                   pthread_cond_timedwait(&c->changed, &c->mutex, &until);
    bool ended = !c->running;
    pthread_mutex_unlock(&c->mutex);
    return ended;
}

bool checkpoint_is_in_doubt(const struct checkpoint *c)
{
    return c->in_doubt;
}

const struct checkpoint_outcome *checkpoint_outcome(const struct checkpoint *c)
{
    return &c->outcome;
}

bool checkpoint_chain(struct checkpoint *c, struct slice key, uint32_t *chain)
{
    if (!open_lookup(c))
        return false;
    *chain = tdb_lookup_chain(c->lookup, key);
    return true;
}

enum lookup_found checkpoint_look(struct checkpoint *c, struct slice key, char *value, size_t size,
                                  size_t *len)
{
    return c->lookup != NULL ? tdb_lookup_get(c->lookup, key, value, size, len) : LOOKUP_BUSY;
}
