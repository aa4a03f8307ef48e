/* SPDX-License-Identifier: Apache-2.0 */
/* A pool of threads that ask one instance of a verifier that may block.
 *
 * A job carries a question to the pool and its answer back to the sender's mailbox.  The sender can
 * cancel it at any moment, whether it is queued or running: it is then not returned, and the pool
 * frees it.  The queue is bounded, and a verifier that hangs holds up only its own thread. */
#ifndef JETON_DAEMON_VERIFY_THREAD_POOL_H
#define JETON_DAEMON_VERIFY_THREAD_POOL_H

#include <stdatomic.h>
#include <stdbool.h>

#include "daemon/base/mailbox.h"
#include "daemon/verifiers/verifier.h"

enum {
    THREAD_POOL_THREADS = 4,
    THREAD_POOL_THREADS_MAX = 64,
    THREAD_POOL_QUEUE = 64,
    THREAD_POOL_QUEUE_MAX = 4096,
};

struct thread_pool;

/* Owned by the sender until it is submitted and again once it is returned; by the pool between. */
struct job {
    struct mail mail; /* first; the sender sets `on_delivery` */
    struct mailbox *reply_to;
    void *sender;
    struct jeton_question question; /* its texts lie in `text` */
    struct jeton_identity identity; /* what the question points to, if it has one */
    struct jeton_answer answer;
    int outcome;           /* what verify() returned ... */
    bool ended_its_thread; /* or that it did not return */
    _Atomic int state;
    size_t used; /* of `text` */
    _Alignas(8) char text[];
};

/* Make a job with copies of all that the question points to.  NULL: no memory. */
struct job *job_new(const struct jeton_question *question);

/* Wipe and free a job that its sender owns. */
void job_free(struct job *job);

/* Start the threads.  NULL and errno on failure. */
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

/* End the threads; jobs that are queued are returned unanswered, and none is submitted any more.
 * Wait up to `milliseconds`.  True: the last thread has ended, and the pool is freed.  False: some
 * hang; call this again later. */
bool thread_pool_stop(struct thread_pool *p, int milliseconds);

#endif
