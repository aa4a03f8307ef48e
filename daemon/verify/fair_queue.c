/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verify/fair_queue.h"

#include <stdlib.h>

#include "daemon/verify/job.h"

struct asker {
    struct uid_entry entry; /* first */
    struct job_list jobs;
    unsigned queued;
    unsigned running;
    TAILQ_ENTRY(asker) ring;
};

void fair_queue_init(struct fair_queue *q)
{
    *q = (struct fair_queue){ .queued = 0 };
    TAILQ_INIT(&q->ring);
}

static struct asker *find(const struct fair_queue *q, uid_t uid)
{
    return (struct asker *)uid_table_find(&q->askers, uid);
}

static struct asker *get(struct fair_queue *q, uid_t uid)
{
    struct asker *a = find(q, uid);

    if (a != NULL)
        return a;
    a = calloc(1, sizeof(*a));
    if (a != NULL) {
        uid_table_add(&q->askers, &a->entry, uid);
        TAILQ_INIT(&a->jobs);
    }
    return a;
}

static void free_unused(struct fair_queue *q, struct asker *a)
{
    if (a->queued > 0 || a->running > 0)
        return;
    uid_table_remove(&q->askers, &a->entry);
    free(a);
}

bool fair_queue_put(struct fair_queue *q, struct job *job)
{
    struct asker *a = get(q, job->question.peer_uid);

    if (a == NULL)
        return false;
    if (a->queued++ == 0)
        TAILQ_INSERT_TAIL(&q->ring, a, ring);
    TAILQ_INSERT_TAIL(&a->jobs, job, place);
    q->queued++;
    return true;
}

static void remove_job(struct fair_queue *q, struct asker *a, struct job *job)
{
    TAILQ_REMOVE(&a->jobs, job, place);
    q->queued--;
    if (--a->queued == 0)
        TAILQ_REMOVE(&q->ring, a, ring);
}

/* True if this one may have one more of the threads. */
static bool may_run(const struct fair_queue *q, const struct asker *a, unsigned threads)
{
    unsigned left = threads > q->running ? threads - q->running - 1 : 0;

    return a->running == 0 || a->running + 1 <= left;
}

static struct asker *next_asker(const struct fair_queue *q, unsigned threads)
{
    struct asker *a;

    TAILQ_FOREACH(a, &q->ring, ring)
    if (may_run(q, a, threads))
        return a;
    return NULL;
}

bool fair_queue_is_ready(const struct fair_queue *q, unsigned threads)
{
    return next_asker(q, threads) != NULL;
}

struct job *fair_queue_take(struct fair_queue *q, unsigned threads, struct asker **asker)
{
    struct asker *a = next_asker(q, threads);

    *asker = a;
    if (a == NULL)
        return NULL;
    struct job *job = TAILQ_FIRST(&a->jobs);
    TAILQ_REMOVE(&q->ring, a, ring);
    TAILQ_INSERT_TAIL(&q->ring, a, ring);
    remove_job(q, a, job);
    a->running++;
    q->running++;
    return job;
}

void fair_queue_done(struct fair_queue *q, struct asker *asker)
{
    asker->running--;
    q->running--;
    free_unused(q, asker);
}

struct job *fair_queue_displace(struct fair_queue *q, uid_t uid)
{
    const struct asker *own = find(q, uid);
    unsigned queued = own != NULL ? own->queued : 0;
    struct asker *a, *most = NULL;

    TAILQ_FOREACH(a, &q->ring, ring)
    if (most == NULL || a->queued > most->queued)
        most = a;
    if (most == NULL || most->queued <= queued + 1)
        return NULL;
    struct job *job = TAILQ_LAST(&most->jobs, job_list);
    remove_job(q, most, job);
    free_unused(q, most);
    return job;
}
