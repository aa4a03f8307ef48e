/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verify/thread_pool.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/base/clock.h"

enum { IDLE, WAITS, IS_JUDGED, COMES_HOME, GIVEN_UP };

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
    struct worker {
        struct thread_pool *pool;
        pthread_t thread;
        pthread_t before; /* the one in whose place it came, which it joins */
        bool replaces;
        bool gone; /* its thread was ended, and there was none to replace it */
    } worker[];
};

static void *run(void *worker);

/* -- jobs --------------------------------------------------------------------------------- */

static const char *keep(struct job *e, const char *text, size_t len)
{
    if (text == NULL)
        return NULL;
    char *kept = e->text + e->used;
    memcpy(kept, text, len);
    kept[len] = '\0';
    e->used += len + 1;
    return kept;
}

static size_t length(const char *text)
{
    return text != NULL ? strlen(text) : 0;
}

struct job *job_new(const struct jeton_question *q)
{
    size_t groups = q->peer_group_count * sizeof(gid_t);
    size_t room = groups + q->value_length + length(q->service) + length(q->scopes) +
                  length(q->subject) + 5;
    struct job *e = calloc(1, sizeof(*e) + room);

    if (e == NULL)
        return NULL;
    e->question = *q;
    e->question.peer_groups = (const gid_t *)(const void *)keep(e, (const char *)q->peer_groups,
                                                                groups);
    e->question.value = keep(e, q->value, q->value_length);
    e->question.service = keep(e, q->service, length(q->service));
    e->question.scopes = keep(e, q->scopes, length(q->scopes));
    e->question.subject = keep(e, q->subject, length(q->subject));
    if (q->identity != NULL) {
        e->identity = *q->identity;
        e->question.identity = &e->identity;
    }
    e->answer.identity.expires = JETON_VERIFIER_NEVER;
    e->outcome = JETON_VERIFIER_ERROR;
    return e;
}

void job_free(struct job *e)
{
    if (e == NULL)
        return;
    sodium_memzero(e->text, e->used);
    free(e);
}

/* True if the state was `from`, and is `to` now. */
static bool moves(struct job *e, int from, int to)
{
    return atomic_compare_exchange_strong(&e->state, &from, to);
}

enum job_fate thread_pool_cancel(struct job *e)
{
    if (moves(e, WAITS, GIVEN_UP))
        return JOB_CANCELLED;
    return moves(e, IS_JUDGED, GIVEN_UP) ? JOB_ABANDONED : JOB_COMING;
}

static void send_home(struct job *e, int from)
{
    if (moves(e, from, COMES_HOME))
        mailbox_post(e->reply_to, &e->mail);
    else
        job_free(e);
}

/* -- threads --------------------------------------------------------------------------------- */

/* Starts a worker's thread, or another in the place of one that is ending.  0 or an error. */
static int start(struct worker *w, bool replaces)
{
    pthread_t thread;

    w->before = w->thread;
    w->replaces = replaces;
    int error = pthread_create(&thread, NULL, run, w);
    w->gone = replaces && error != 0;
    if (error != 0)
        return error;
    w->thread = thread;
    w->pool->running++;
    return 0;
}

struct thread_pool *thread_pool_new(const struct jeton_verifier *verifier, void *instance,
                                    unsigned threads, unsigned queue)
{
    struct thread_pool *p = calloc(1, sizeof(*p) + threads * sizeof(p->worker[0]));
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
        struct worker *w = &p->worker[p->threads];
        w->pool = p;
        error = start(w, false);
    }
    pthread_mutex_unlock(&p->mutex);
    if (error == 0)
        return p;
    while (!thread_pool_stop(p, 1000))
        continue;
    errno = error;
    return NULL;
}

/* Threads that could not be replaced at once. */
static void fill_gaps(struct thread_pool *p)
{
    for (unsigned i = 0; i < p->threads && p->running < p->threads; i++)
        if (p->worker[i].gone)
            start(&p->worker[i], true);
}

bool thread_pool_submit(struct thread_pool *p, struct job *e)
{
    pthread_mutex_lock(&p->mutex);
    if (!p->ending)
        fill_gaps(p);
    bool room = p->queued < p->queue_max && !p->ending;
    if (room) {
        atomic_store(&e->state, WAITS);
        mail_append(&p->queue, &e->mail);
        p->queued++;
        pthread_cond_signal(&p->changed);
    }
    pthread_mutex_unlock(&p->mutex);
    return room;
}

/* The next job, or NULL: end. */
static struct job *next_errand(struct thread_pool *p, bool *ending)
{
    pthread_mutex_lock(&p->mutex);
    while (p->queue.first == NULL && !p->ending)
        pthread_cond_wait(&p->changed, &p->mutex);
    struct job *e = (struct job *)mail_pop(&p->queue);
    p->queued -= e != NULL;
    p->running -= e == NULL;
    *ending = p->ending;
    if (e == NULL)
        pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->mutex);
    return e;
}

/* A verifier must not end the thread that asks it; if it does, another takes its place. */
struct occupation {
    struct worker *worker;
    struct job *job;
};

static void on_ended_thread(void *occupation)
{
    struct occupation *o = occupation;
    struct thread_pool *p = o->worker->pool;

    o->job->outcome = JETON_VERIFIER_ERROR;
    o->job->ended_its_thread = true;
    send_home(o->job, IS_JUDGED);
    pthread_mutex_lock(&p->mutex);
    p->running--;
    start(o->worker, true);
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->mutex);
}

static void judge(struct worker *w, struct job *e)
{
    struct occupation occupation = { w, e };

    pthread_cleanup_push(on_ended_thread, &occupation);
    e->outcome = w->pool->verifier->verify(w->pool->instance, &e->question, &e->answer);
    pthread_cleanup_pop(0);
    send_home(e, IS_JUDGED);
}

static void *run(void *worker)
{
    struct worker *w = worker;
    bool ending;

    if (w->replaces)
        pthread_join(w->before, NULL);
    for (struct job *e; (e = next_errand(w->pool, &ending)) != NULL;) {
        if (ending)
            send_home(e, WAITS); /* unjudged: an error */
        else if (moves(e, WAITS, IS_JUDGED))
            judge(w, e);
        else
            job_free(e);
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
    /* What a verifier's libraries do at the end of a thread must be over before it is unloaded. */
    for (unsigned i = 0; i < p->threads; i++)
        pthread_join(p->worker[i].thread, NULL);
    for (struct job *e; (e = (struct job *)mail_pop(&p->queue)) != NULL;)
        send_home(e, WAITS); /* there was no thread left for it */
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->mutex);
    free(p);
    return true;
}
