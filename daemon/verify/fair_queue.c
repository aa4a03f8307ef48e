/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verify/fair_queue.h"

#include <stdlib.h>

#include "daemon/verify/job.h"

struct asker {
    struct asker *next; /* in its bucket */
    uid_t uid;
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

/* Return the link to this uid's, or the one at the end of its bucket. */
static struct asker **find(struct fair_queue *q, uid_t uid)
{
    struct asker **link = &q->bucket[uid % FAIR_QUEUE_BUCKETS];

    while (*link != NULL && (*link)->uid != uid)
        link = &(*link)->next;
    return link;
}

static struct asker *get(struct fair_queue *q, uid_t uid)
{
    struct asker **link = find(q, uid);

    if (*link != NULL)
        return *link;
    *link = calloc(1, sizeof(**link));
    if (*link != NULL) {
        (*link)->uid = uid;
        TAILQ_INIT(&(*link)->jobs);
    }
    return *link;
}

static void free_unused(struct fair_queue *q, struct asker *a)
{
    if (a->queued > 0 || a->running > 0)
        return;
    *find(q, a->uid) = a->next;
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

struct job *fair_queue_take(struct fair_queue *q, unsigned most, struct asker **asker)
{
    struct asker *a;

    TAILQ_FOREACH(a, &q->ring, ring)
    if (a->running < most)
        break;
    *asker = a;
    if (a == NULL)
        return NULL;
    struct job *job = TAILQ_FIRST(&a->jobs);
    TAILQ_REMOVE(&q->ring, a, ring);
    TAILQ_INSERT_TAIL(&q->ring, a, ring);
    remove_job(q, a, job);
    a->running++;
    return job;
}

void fair_queue_done(struct fair_queue *q, struct asker *asker)
{
    asker->running--;
    free_unused(q, asker);
}

struct job *fair_queue_displace(struct fair_queue *q, uid_t uid)
{
    const struct asker *own = *find(q, uid);
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
