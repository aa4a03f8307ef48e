/* SPDX-License-Identifier: Apache-2.0 */
/* Threads on which one instance of a verifier that may block is asked.
 *
 * An errand is a question on its way there and back.  Who sent it can give it up at any moment,
 * whether it waits, is being judged, or hangs: then it never comes home, and the pool frees it when
 * it can.  The queue is bounded, and what hangs keeps nothing but its own thread. */
#ifndef JETON_POOL_H
#define JETON_POOL_H

#include <stdatomic.h>
#include <stdbool.h>

#include "daemon/base/mailbox.h"
#include "daemon/verifiers/verifier.h"

enum {
    POOL_THREADS = 4, POOL_THREADS_MAX = 64,
    POOL_QUEUE = 64, POOL_QUEUE_MAX = 4096,
};

struct pool;

struct errand {
    struct mail mail;                   /* first; `arrive` is the sender's */
    struct mailbox *home;
    void *sender;
    struct jeton_question question;     /* its texts lie in `text` */
    struct jeton_identity identity;     /* what the question points to, if anything */
    struct jeton_answer answer;
    int outcome;                        /* what verify() returned */
    bool ended_its_thread;              /* ... or that it did not return */
    _Atomic int state;
    size_t used;
    _Alignas(8) char text[];
};

/* An errand with copies of all that the question points to.  NULL: no memory. */
struct errand *errand_new(const struct jeton_question *question);

/* Wipes and frees one that is at home. */
void errand_free(struct errand *e);

/* NULL and errno on failure. */
struct pool *pool_new(const struct jeton_verifier *verifier, void *instance, unsigned threads,
                      unsigned queue);

/* Takes the errand; false if the queue is full: then it is still the caller's. */
bool pool_send(struct pool *p, struct errand *e);

enum errand_fate { ERRAND_COMES, ERRAND_WAITED, ERRAND_HANGS };

/* Gives up an errand that was sent.  ERRAND_COMES: it is on its way home already.  Otherwise it is
 * the pool's, and had not been begun, or was being judged. */
enum errand_fate pool_give_up(struct errand *e);

/* No more errands are sent; those that wait come home unjudged.  True when the last thread has
 * ended, and the pool is freed; false if some hang: call again later.  Waits up to `milliseconds`. */
bool pool_end(struct pool *p, int milliseconds);

#endif
