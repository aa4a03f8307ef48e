/* SPDX-License-Identifier: Apache-2.0 */
/* A question on its way to a thread of a pool, and its answer on the way back. */
#ifndef JETON_DAEMON_VERIFY_JOB_H
#define JETON_DAEMON_VERIFY_JOB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/queue.h>

#include "daemon/base/mailbox.h"
#include "daemon/verifiers/verifier.h"

/* Owned by the sender until it is submitted and again once it is returned; by the pool between. */
struct job {
    struct mail mail; /* first; the sender sets `on_delivery` */
    struct mailbox *reply_to;
    void *sender;
    struct jeton_question question; /* its texts lie in `text` */
    struct jeton_identity identity; /* what the question points to, if it has one */
    struct jeton_answer answer;
    int outcome;            /* what verify() returned */
    bool ended_its_thread;  /* verify() did not return */
    bool displaced;         /* verify() was not called: the place went to a uid with fewer jobs */
    TAILQ_ENTRY(job) place; /* the queue's */
    _Atomic int state;      /* the pool's */
    size_t used;            /* of `text` */
    _Alignas(8) char text[];
};

/* Make a job with copies of all that the question points to.  NULL: no memory. */
struct job *job_new(const struct jeton_question *question);

/* Wipe and free a job that its sender owns. */
void job_free(struct job *job);

#endif
