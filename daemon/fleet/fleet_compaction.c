/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/fleet/fleet_compaction.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "daemon/base/thread.h"
#include "daemon/base/thread_heap.h"

/* What the thread has. */
struct run {
    struct fleet_compaction *compaction;
    struct fleet_walk walk;
    struct fleet_writing writing;
    struct fleet_entry entry;
};

static bool fail(struct run *r, const char *why)
{
    problem_set(&r->compaction->problem, STATUS_STORE,
                "fleet cache %.120s cannot be written anew: %s", r->compaction->job.path, why);
    return false;
}

/* True if an entry is to be in the new file. */
static bool is_kept(struct run *r, struct slice entry, const char **why)
{
    *why = NULL;
    if (!fleet_entry_bytes_deleted(entry))
        return true;
    *why = fleet_entry_read(&r->entry, entry);
    return *why == NULL && fleet_entry_stays(&r->entry, r->compaction->job.now);
}

static bool put_all(struct run *r)
{
    enum fleet_walked walked;
    struct slice entry;
    const char *why;

    while ((walked = fleet_walk_next(&r->walk, &entry)) == FLEET_WALK_ENTRY) {
        if (atomic_load_explicit(&r->compaction->stop, memory_order_relaxed))
            return fail(r, "it was given up");
        bool kept = is_kept(r, entry, &why);
        if (why != NULL)
            return fail(r, why);
        int error = kept ? fleet_writing_put(&r->writing, entry) : 0;
        if (error != 0)
            return fail(r, strerror(-error));
    }
    return walked == FLEET_WALK_END || fail(r, r->walk.fault);
}

static bool write_file(struct run *r)
{
    const struct fleet_compaction_job *job = &r->compaction->job;
    int error = fleet_writing_begin(&r->writing, job->path, job->snapshot->head.epoch, job->next);

    if (error != 0)
        return fail(r, strerror(-error));
    if (!put_all(r))
        return false;
    error = fleet_writing_finish(&r->writing, job->places, job->unsent);
    return error == 0 || fail(r, strerror(-error));
}

/* What is open is what was written: the file is not opened by its name. */
static void publish(struct run *r)
{
    struct fleet_compaction *c = r->compaction;

    c->made = fleet_writing_snapshot(&r->writing);
    if (c->made == NULL) {
        fail(r, "no memory");
        return;
    }
    c->published = fleet_writing_publish(&r->writing);
    if (c->published != FLEET_PUBLISHED)
        fail(r, strerror(errno));
    if (c->published != FLEET_NOT_PUBLISHED)
        return;
    fleet_snapshot_close(c->made);
    c->made = NULL;
}

static void run_one(struct fleet_compaction *c)
{
    struct run *r = calloc(1, sizeof(*r));

    c->published = FLEET_NOT_PUBLISHED;
    if (r == NULL) {
        problem_set(&c->problem, STATUS_STORE, "no memory to write fleet cache %.120s",
                    c->job.path);
        return;
    }
    r->compaction = c;
    posix_fadvise(c->job.log, 0, 0, POSIX_FADV_WILLNEED);
    if (!fleet_walk_begin(&r->walk, c->job.snapshot, c->job.index, c->job.log))
        fail(r, "no memory");
    else if (write_file(r))
        publish(r);
    fleet_walk_end(&r->walk);
    fleet_writing_end(&r->writing);
    free(r);
}

static void *run(void *compaction)
{
    struct fleet_compaction *c = compaction;
    struct thread_priority priority;

    thread_begin();
    thread_priority_begin(&priority);
    run_one(c);
    thread_heap_trim();
    atomic_store_explicit(&c->done, true, memory_order_release);
    return NULL;
}

void fleet_compaction_begin(struct fleet_compaction *c, const struct fleet_compaction_job *job)
{
    c->job = *job;
    c->running = true;
    c->made = NULL;
    c->problem = (struct problem){ 0 };
    atomic_store(&c->stop, false);
    atomic_store(&c->done, false);
    c->in_thread = pthread_create(&c->thread, NULL, run, c) == 0;
    if (c->in_thread)
        return;
    run_one(c);
    atomic_store(&c->done, true);
}

bool fleet_compaction_is_done(const struct fleet_compaction *c)
{
    return atomic_load_explicit(&c->done, memory_order_acquire);
}

void fleet_compaction_stop(struct fleet_compaction *c)
{
    atomic_store(&c->stop, true);
}

void fleet_compaction_wait(struct fleet_compaction *c)
{
    if (c->in_thread)
        pthread_join(c->thread, NULL);
    c->running = c->in_thread = false;
}
