/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verify/thread_pool.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/base/clock.h"

/* The states of a job.  Whoever moves it on from QUEUED or RUNNING decides who frees it. */
enum { NEW, QUEUED, RUNNING, RETURNED, CANCELLED };

struct thread_pool {
    const struct jeton_verifier *verifier;
    void *instance;
    pthread_mutex_t mutex; /* guards the rest */
    pthread_cond_t changed;
    struct mail_list queue;
    unsigned queued;
    unsigned queue_max;
    bool ending;
    unsigned running;
    unsigned threads;
    struct pool_thread {
        struct thread_pool *pool;
        pthread_t thread;
        bool replaces;      /* `thread` took the place of ... */
        pthread_t replaced; /* which it joins */
        bool missing;       /* its thread was ended, and no other could be started */
    } thread[];
};

static void *run(void *pool_thread);

/* -- jobs ------------------------------------------------------------------------------------ */

static const char *copy_text(struct job *job, const char *text, size_t len)
{
    if (text == NULL)
        return NULL;
    char *kept = job->text + job->used;
    memcpy(kept, text, len);
    kept[len] = '\0';
    job->used += len + 1;
    return kept;
}

static size_t length(const char *text)
{
    return text != NULL ? strlen(text) : 0;
}

struct job *job_new(const struct jeton_question *q)
{
    size_t groups = q->peer_group_count * sizeof(gid_t);
    size_t size = groups + q->value_length + length(q->service) + length(q->scopes) +
                  length(q->subject) + length(q->client) + 6;
    struct job *job = calloc(1, sizeof(*job) + size);

    if (job == NULL)
        return NULL;
    job->question = *q;
    job->question.peer_groups =
        (const gid_t *)(const void *)copy_text(job, (const char *)q->peer_groups, groups);
    job->question.value = copy_text(job, q->value, q->value_length);
    job->question.service = copy_text(job, q->service, length(q->service));
    job->question.scopes = copy_text(job, q->scopes, length(q->scopes));
    job->question.subject = copy_text(job, q->subject, length(q->subject));
    job->question.client = copy_text(job, q->client, length(q->client));
    if (q->identity != NULL) {
        job->identity = *q->identity;
        job->question.identity = &job->identity;
    }
    job->answer.identity.expires = JETON_VERIFIER_NEVER;
    job->outcome = JETON_VERIFIER_ERROR;
    return job;
}

void job_free(struct job *job)
{
    if (job == NULL)
        return;
    sodium_memzero(job->text, job->used);
    free(job);
}

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

struct thread_pool *thread_pool_new(const struct jeton_verifier *verifier, void *instance,
                                    unsigned threads, unsigned queue)
{
    struct thread_pool *p = calloc(1, sizeof(*p) + threads * sizeof(p->thread[0]));
    pthread_condattr_t monotonic;
    int error = 0;

    if (p == NULL)
        return NULL;
    p->verifier = verifier;
    p->instance = instance;
    p->queue_max = queue;
    pthread_mutex_init(&p->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&p->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
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

bool thread_pool_submit(struct thread_pool *p, struct job *job)
{
    pthread_mutex_lock(&p->mutex);
    if (!p->ending)
        start_missing(p);
    bool fits = p->queued < p->queue_max && !p->ending;
    if (fits) {
        atomic_store(&job->state, QUEUED);
        mail_append(&p->queue, &job->mail);
        p->queued++;
        pthread_cond_signal(&p->changed);
    }
    pthread_mutex_unlock(&p->mutex);
    return fits;
}

/* Wait for the next job and take it; NULL: this thread must end. */
static struct job *next_job(struct thread_pool *p, bool *ending)
{
    pthread_mutex_lock(&p->mutex);
    while (p->queue.first == NULL && !p->ending)
        pthread_cond_wait(&p->changed, &p->mutex);
    struct job *job = (struct job *)mail_pop(&p->queue);
    p->queued -= job != NULL;
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
    for (struct job *job; (job = next_job(t->pool, &ending)) != NULL;) {
        if (ending)
            return_job(job, QUEUED); /* unanswered: an error */
        else if (change_state(job, QUEUED, RUNNING))
            run_job(t, job);
        else
            job_free(job);
    }
    return NULL;
}

static struct timespec after(int milliseconds)
{
    int64_t until = (int64_t)clock_monotonic() + (int64_t)milliseconds * (CLOCK_SECOND / 1000);

    return (struct timespec){ until / CLOCK_SECOND, until % CLOCK_SECOND };
}

bool thread_pool_stop(struct thread_pool *p, int milliseconds)
{
    struct timespec until = after(milliseconds);
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
    for (struct job *job; (job = (struct job *)mail_pop(&p->queue)) != NULL;)
        return_job(job, QUEUED); /* no thread was left to run it */
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->mutex);
    free(p);
    return true;
}
