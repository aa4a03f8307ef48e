/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs that wait for a thread, fair by the uid that asks: uids take turns, and each has its own jobs
 * done in order.  The pool's mutex guards every call. */
#ifndef JETON_DAEMON_VERIFY_FAIR_QUEUE_H
#define JETON_DAEMON_VERIFY_FAIR_QUEUE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/queue.h>

#include "daemon/base/uid_table.h"

struct job;
struct asker; /* a uid with jobs */

TAILQ_HEAD(job_list, job);
TAILQ_HEAD(asker_list, asker);

struct fair_queue {
    struct uid_table askers;
    struct asker_list ring; /* those with queued jobs, in the order of their turns */
    unsigned queued;
    unsigned running; /* jobs that were taken and are not done */
};

void fair_queue_init(struct fair_queue *q);

/* Queue a job.  False: no memory. */
bool fair_queue_put(struct fair_queue *q, struct job *job);

/* No number of threads: as many as come. */
#define FAIR_QUEUE_UNLIMITED UINT_MAX

/* Take the next job of the next uid that may have one more of so many threads: who has one already
 * leaves as many free as it then has, so that others find one.  NULL: there is none.  *asker is to be
 * passed to fair_queue_done() when the job is done. */
struct job *fair_queue_take(struct fair_queue *q, unsigned threads, struct asker **asker);

/* True if the next fair_queue_take() finds a job. */
bool fair_queue_is_ready(const struct fair_queue *q, unsigned threads);

void fair_queue_done(struct fair_queue *q, struct asker *asker);

/* Take the newest job of the uid that has most of them queued, to have space for one of `uid`.
 * NULL: nobody has more than that uid, with the one to come. */
struct job *fair_queue_displace(struct fair_queue *q, uid_t uid);

#endif
