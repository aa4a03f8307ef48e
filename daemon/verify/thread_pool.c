/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verify/thread_pool.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "daemon/base/timed_wait.h"
#include "daemon/verify/fair_queue.h"

/* The states of a job.  Whoever moves it on from QUEUED or RUNNING decides who frees it. */
enum { NEW, QUEUED, RUNNING, RETURNED, CANCELLED };

struct thread_pool {
    const struct jeton_verifier *verifier;
    void *instance;
    pthread_mutex_t mutex; /* guards the rest */
    pthread_cond_t changed;
    struct fair_queue queue;
    unsigned queue_max;
    unsigned uid_places; /* jobs of one uid that should be under way */
    bool shared;         /* a uid leaves threads to others */
    bool ending;
    unsigned running;
    unsigned threads;
    struct pool_thread {
        struct thread_pool *pool;
        pthread_t thread;
        bool replaces; /* `thread` takes the place of another, and joins it: */
        pthread_t replaced;
        struct asker *asker; /* whose job it runs; NULL: none */
        bool missing;        /* its thread was ended, and no other could be started */
    } thread[];
};

static void *run(void *pool_thread);

/* -- jobs ------------------------------------------------------------------------------------ */

/* Change the state.  False: it was not `from`. */
static bool change_state(struct job *job, int from, int to)
{
    return atomic_compare_exchange_strong(&job->state, &from, to);
}

enum job_fate thread_pool_cancel(struct job *job)
{
    if (change_state(job, QUEUED, CANCELLED))
        return JOB_CANCELLED;
    return change_state(job, RUNNING, CANCELLED) ? JOB_ABANDONED : JOB_RETURNING;
}

/* Return the job to its sender; free it if it was cancelled. */
static void return_job(struct job *job, int from)
{
    if (change_state(job, from, RETURNED))
        mailbox_post(job->reply_to, &job->mail);
    else
        job_free(job);
}

/* -- threads --------------------------------------------------------------------------------- */

/* Start a thread, or another in the place of one that is ending.  0 or an error number. */
static int start(struct pool_thread *t, bool replaces)
{
    pthread_t thread;

    t->replaced = t->thread;
    t->replaces = replaces;
    int error = pthread_create(&thread, NULL, run, t);
    t->missing = replaces && error != 0;
    if (error != 0)
        return error;
    t->thread = thread;
    t->pool->running++;
    return 0;
}

/* What only computes returns soon, so that one uid may have all threads meanwhile. */
static void set_limits(struct thread_pool *p, unsigned threads, unsigned queue)
{
    bool blocks = (p->verifier->flags & JETON_VERIFIER_MAY_BLOCK) != 0;
    bool computes = !blocks && (p->verifier->flags & JETON_VERIFIER_COSTLY) != 0;

    p->queue_max = computes ? queue * THREAD_POOL_COSTLY_UIDS : queue;
    p->uid_places = computes ? threads + queue : UINT_MAX;
    p->shared = blocks;
}

unsigned thread_pool_places(const struct thread_pool *p)
{
    return p->uid_places;
}

struct thread_pool *thread_pool_new(const struct jeton_verifier *verifier, void *instance,
                                    unsigned threads, unsigned queue)
{
    struct thread_pool *p = calloc(1, sizeof(*p) + threads * sizeof(p->thread[0]));
    int error = 0;

    if (p == NULL)
        return NULL;
    p->verifier = verifier;
    p->instance = instance;
    fair_queue_init(&p->queue);
    set_limits(p, threads, queue);
    pthread_mutex_init(&p->mutex, NULL);
    timed_wait_init(&p->changed);
    pthread_mutex_lock(&p->mutex);
    for (; p->threads < threads && error == 0; p->threads += error == 0) {
        struct pool_thread *t = &p->thread[p->threads];
        t->pool = p;
        error = start(t, false);
    }
    pthread_mutex_unlock(&p->mutex);
    if (error == 0)
        return p;
    while (!thread_pool_stop(p, 1000))
        continue;
    errno = error;
    return NULL;
}

/* Start threads that could not be replaced at once. */
static void start_missing(struct thread_pool *p)
{
    for (unsigned i = 0; i < p->threads && p->running < p->threads; i++)
        if (p->thread[i].missing)
            start(&p->thread[i], true);
}

/* Queue the job; *displaced had to leave for that, unless it is NULL.  The mutex is held. */
static bool enqueue(struct thread_pool *p, struct job *job, struct job **displaced)
{
    if (p->queue.queued >= p->queue_max)
        *displaced = fair_queue_displace(&p->queue, job->question.peer_uid);
    if (p->queue.queued >= p->queue_max || !fair_queue_put(&p->queue, job))
        return false;
    atomic_store(&job->state, QUEUED);
    pthread_cond_signal(&p->changed);
    return true;
}

bool thread_pool_submit(struct thread_pool *p, struct job *job)
{
    struct job *displaced = NULL;
    bool queued = false;

    pthread_mutex_lock(&p->mutex);
    if (!p->ending) {
        start_missing(p);
        queued = enqueue(p, job, &displaced);
    }
    pthread_mutex_unlock(&p->mutex);
    if (displaced != NULL) {
        displaced->displaced = true;
        return_job(displaced, QUEUED);
    }
    return queued;
}

/* Note that the thread's job is done.  The mutex is held. */
static void end_job(struct pool_thread *t)
{
    if (t->asker != NULL)
        fair_queue_done(&t->pool->queue, t->asker);
    t->asker = NULL;
}

/* Take the next job, and wake another thread if there is one for it, too: what one uid gives back may
 * be enough for two.  The mutex is held. */
static struct job *take(struct pool_thread *t)
{
    struct thread_pool *p = t->pool;
    unsigned threads = p->shared && !p->ending ? p->running : FAIR_QUEUE_UNLIMITED;
    struct job *job = fair_queue_take(&p->queue, threads, &t->asker);

    if (job != NULL && p->shared && p->queue.running < p->running &&
        fair_queue_is_ready(&p->queue, threads))
        pthread_cond_signal(&p->changed);
    return job;
}

/* Wait for the next job and take it; NULL: this thread must end. */
static struct job *next_job(struct pool_thread *t, bool *ending)
{
    struct thread_pool *p = t->pool;
    struct job *job;

    pthread_mutex_lock(&p->mutex);
    end_job(t);
    while ((job = take(t)) == NULL && !p->ending)
        pthread_cond_wait(&p->changed, &p->mutex);
    p->running -= job == NULL;
    *ending = p->ending;
    if (job == NULL)
        pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->mutex);
    return job;
}

struct running_job {
    struct pool_thread *thread;
    struct job *job;
};

/* Return the job and start another thread: a verifier ended this one, which it must not do. */
static void on_ended_thread(void *running_job)
{
    struct running_job *r = running_job;
    struct thread_pool *p = r->thread->pool;

    r->job->outcome = JETON_VERIFIER_ERROR;
    r->job->ended_its_thread = true;
    return_job(r->job, RUNNING);
    pthread_mutex_lock(&p->mutex);
    end_job(r->thread);
    p->running--;
    start(r->thread, true);
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->mutex);
}

static void run_job(struct pool_thread *t, struct job *job)
{
    struct running_job running = { t, job };

    pthread_cleanup_push(on_ended_thread, &running);
    job->outcome = t->pool->verifier->verify(t->pool->instance, &job->question, &job->answer);
    pthread_cleanup_pop(0);
    return_job(job, RUNNING);
}

static void *run(void *pool_thread)
{
    struct pool_thread *t = pool_thread;
    bool ending;

    if (t->replaces)
        pthread_join(t->replaced, NULL);
    for (struct job *job; (job = next_job(t, &ending)) != NULL;) {
        if (ending)
            return_job(job, QUEUED); /* unanswered: an error */
        else if (change_state(job, QUEUED, RUNNING))
            run_job(t, job);
        else
            job_free(job);
    }
    return NULL;
}

bool thread_pool_stop(struct thread_pool *p, int milliseconds)
{
    struct timespec until = timed_wait_until(milliseconds);
    int error = 0;

    pthread_mutex_lock(&p->mutex);
    p->ending = true;
    pthread_cond_broadcast(&p->changed);
    while (p->running > 0 && error == 0)
        error = pthread_cond_timedwait(&p->changed, &p->mutex, &until);
    bool ended = p->running == 0;
    pthread_mutex_unlock(&p->mutex);
    if (!ended)
        return false;
    /* Before the verifier is unloaded: its libraries may do something at the end of a thread. */
    for (unsigned i = 0; i < p->threads; i++)
        pthread_join(p->thread[i].thread, NULL);
    struct asker *asker;
    for (struct job *job;
         (job = fair_queue_take(&p->queue, FAIR_QUEUE_UNLIMITED, &asker)) != NULL;) {
        return_job(job, QUEUED); /* no thread was left to run it */
        fair_queue_done(&p->queue, asker);
    }
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->mutex);
    free(p);
    return true;
}
