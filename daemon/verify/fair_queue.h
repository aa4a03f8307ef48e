/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs that wait for a thread, fair by the uid that asks: uids take turns, and each has its own jobs
 * done in order.  The pool's mutex guards every call. */
#ifndef JETON_DAEMON_VERIFY_FAIR_QUEUE_H
#define JETON_DAEMON_VERIFY_FAIR_QUEUE_H

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
};

void fair_queue_init(struct fair_queue *q);

/* Queue a job.  False: no memory. */
bool fair_queue_put(struct fair_queue *q, struct job *job);

/* Take the next job of the next uid that has fewer than `most` running.  NULL: there is none.
 * *asker is to be passed to fair_queue_done() when the job is done. */
struct job *fair_queue_take(struct fair_queue *q, unsigned most, struct asker **asker);

void fair_queue_done(struct fair_queue *q, struct asker *asker);

/* Take the newest job of the uid that has most of them queued, to have space for one of `uid`.
 * NULL: nobody has more than that uid, with the one to come. */
struct job *fair_queue_displace(struct fair_queue *q, uid_t uid);

#endif
