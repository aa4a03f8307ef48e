/* SPDX-License-Identifier: Apache-2.0 */
/* Threads on which one instance of a verifier that may block is asked.
 *
 * An job is a question on its way there and back.  Who sent it can give it up at any moment,
 * whether it waits, is being judged, or hangs: then it never comes home, and the pool frees it when
 * it can.  The queue is bounded, and what hangs keeps nothing but its own thread. */
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

struct job {
    struct mail mail; /* first; `on_delivery` is the sender's */
    struct mailbox *reply_to;
    void *sender;
    struct jeton_question question; /* its texts lie in `text` */
    struct jeton_identity identity; /* what the question points to, if anything */
    struct jeton_answer answer;
    int outcome;           /* what verify() returned */
    bool ended_its_thread; /* ... or that it did not return */
    _Atomic int state;
    size_t used;
    _Alignas(8) char text[];
};

/* An job with copies of all that the question points to.  NULL: no memory. */
struct job *job_new(const struct jeton_question *question);

/* Wipes and frees one that is at home. */
void job_free(struct job *e);

/* NULL and errno on failure. */
struct thread_pool *thread_pool_new(const struct jeton_verifier *verifier, void *instance,
                                    unsigned threads, unsigned queue);

/* Takes the job; false if the queue is full: then it is still the caller's. */
bool thread_pool_submit(struct thread_pool *p, struct job *e);

enum job_fate { JOB_COMING, JOB_CANCELLED, JOB_ABANDONED };

/* Gives up an job that was sent.  JOB_COMING: it is on its way home already.  Otherwise it is
 * the pool's, and had not been begun, or was being judged. */
enum job_fate thread_pool_cancel(struct job *e);

/* No more jobs are sent; those that wait come home unjudged.  True when the last thread has
 * ended, and the pool is freed; false if some hang: call again later.  Waits up to `milliseconds`. */
bool thread_pool_stop(struct thread_pool *p, int milliseconds);

#endif
