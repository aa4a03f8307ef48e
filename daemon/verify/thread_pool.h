/* SPDX-License-Identifier: Apache-2.0 */
/* A pool of threads that ask one instance of a verifier that may block or computes for long.
 *
 * A job carries a question to the pool and its answer back to the sender's mailbox.  The sender can
 * cancel it at any moment, whether it is queued or running: it is then not returned, and the pool
 * frees it.  The queue is bounded, and a verifier that hangs holds up only its own thread.
 *
 * Uids take turns.  Where a verifier may block, a uid that has a thread gets another only while as many
 * stay free as it then has.  When the queue is full, the newest job of the uid that has most of them
 * there is displaced by one of a uid that has fewer. */
#ifndef JETON_DAEMON_VERIFY_THREAD_POOL_H
#define JETON_DAEMON_VERIFY_THREAD_POOL_H

#include "daemon/verify/job.h"

enum {
    THREAD_POOL_THREADS = 8,
    THREAD_POOL_THREADS_MAX = 64,
    THREAD_POOL_QUEUE = 64,
    THREAD_POOL_QUEUE_MAX = 4096,
    THREAD_POOL_COSTLY_UIDS = 16, /* that fill the queue of a verifier that only computes */
};

struct thread_pool;

/* Start the threads.  `queue`: how many jobs wait at most, of a verifier that may block; for one
 * that only computes, how many of one uid should.  NULL and errno on failure. */
struct thread_pool *thread_pool_new(const struct jeton_verifier *verifier, void *instance,
                                    unsigned threads, unsigned queue);

/* Queue the job.  False: the queue is full, and the job is still the caller's. */
bool thread_pool_submit(struct thread_pool *p, struct job *job);

enum job_fate {
    JOB_RETURNING, /* too late: it is in the mailbox, or on its way there */
    JOB_CANCELLED, /* while it was queued; the pool frees it */
    JOB_ABANDONED, /* while it was running; the pool frees it */
};

/* Cancel a job that was submitted and has not arrived. */
enum job_fate thread_pool_cancel(struct job *job);

/* Return how many jobs of one uid should be under way at once: beyond that the caller holds them
 * back.  UINT_MAX: as many as come, what is too much is refused. */
unsigned thread_pool_places(const struct thread_pool *p);

/* End the threads; jobs that are queued are returned unanswered, and none is submitted any more.
 * Wait up to `milliseconds`.  True: the last thread has ended, and the pool is freed.  False: some
 * hang; call this again later. */
bool thread_pool_stop(struct thread_pool *p, int milliseconds);

#endif
