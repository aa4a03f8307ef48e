/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/session/pending_verify.h"

#include <event2/event_struct.h>
#include <stdlib.h>

/* One verification on the list. */
struct pending_verify {
    struct pending_verify *next;
    struct session *session;
    struct stacks *stacks; /* kept in existence by it */
    struct job *job;       /* under way; or NULL */
    struct event timeout;  /* of the job */
    bool decided;
    struct evaluation evaluation;
};

static void evaluate(struct pending_verify *p);
static void on_timeout(evutil_socket_t fd, short what, void *pending);

static struct eval_context context_of(struct session *s)
{
    return (struct eval_context){
        .token_table = s->worker->server->token_table,
        .worker = s->worker->reader,
        .peer = &s->peer,
        .group_count = s->group_count,
        .groups = s->groups,
    };
}

static void read_groups(struct session *s)
{
    if (s->groups_read)
        return;
    s->groups_read = true;
    s->groups = peercred_groups(s->fd, &s->group_count);
}

/* -- one after the other --------------------------------------------------------------------- */

static bool put_reply(struct session *s, struct evaluation *e)
{
    struct text t;

    if (!session_begin_reply(s, LINE_MAX_BYTES, &t))
        return false;
    eval_finish(e, s->worker->reader, &t);
    session_end_reply(s, &t);
    return true;
}

static void drop_first(struct session *s)
{
    struct pending_verify *p = s->first_pending;

    s->first_pending = p->next;
    if (p->next == NULL)
        s->last_pending = NULL;
    s->pending--;
    eval_wipe(&p->evaluation);
    stack_set_release(p->stacks);
    free(p);
}

/* Append the replies that wait for nothing any more. */
static void flush(struct session *s)
{
    while (s->first_pending != NULL && s->first_pending->decided) {
        put_reply(s, &s->first_pending->evaluation);
        drop_first(s);
    }
}

static struct pending_verify *append(struct session *s)
{
    struct pending_verify *p = malloc(sizeof(*p));

    if (p == NULL)
        return NULL;
    p->next = NULL;
    p->session = s;
    p->stacks = stack_set_hold(s->worker->stack_reader);
    p->job = NULL;
    p->decided = false;
    event_assign(&p->timeout, s->worker->base, -1, 0, on_timeout, p);
    if (s->last_pending != NULL)
        s->last_pending->next = p;
    else
        s->first_pending = p;
    s->last_pending = p;
    s->pending++;
    return p;
}

/* Evaluate in the worker's own memory what no verifier can hold up. */
static bool evaluate_at_once(struct session *s, const struct stack *stack,
                             const struct question *asked, struct slice service,
                             const struct eval_context *context, int64_t now)
{
    struct evaluation *e = &s->worker->evaluation;

    eval_begin(e, stack, asked, service, context, now);
    eval_continue(e, context);
    bool done = put_reply(s, e);
    eval_wipe(e);
    return done;
}

bool pending_verify_begin(struct session *s, const struct stack *stack,
                          const struct question *asked, struct slice service, struct slice client,
                          int64_t now)
{
    read_groups(s);
    struct eval_context context = context_of(s);
    context.client = client;
    if (s->first_pending == NULL && !stack->may_block)
        return evaluate_at_once(s, stack, asked, service, &context, now);
    struct pending_verify *p = append(s);
    if (p == NULL) {
        s->ended = true;
        return false;
    }
    eval_begin(&p->evaluation, stack, asked, service, &context, now);
    evaluate(p);
    flush(s);
    return true;
}

/* -- jobs ------------------------------------------------------------------------------------ */

/* Submit the entry's question to its pool; false: that is not possible now. */
static bool submit_job(struct pending_verify *p, struct stack_entry *entry)
{
    struct evaluation *e = &p->evaluation;
    const struct timeval limit = {
        .tv_sec = entry->deadline / 1000000000,
        .tv_usec = entry->deadline % 1000000000 / 1000,
    };

    e->question.deadline = (int64_t)e->entry_began + entry->deadline;
    struct job *job = job_new(&e->question);
    if (job == NULL)
        return false;
    job->mail.on_delivery = p->session->on_job;
    job->reply_to = &p->session->worker->mailbox;
    job->sender = p;
    if (entry->pool == NULL || evtimer_add(&p->timeout, &limit) < 0 ||
        !thread_pool_submit(entry->pool, job)) {
        evtimer_del(&p->timeout);
        job_free(job);
        return false;
    }
    p->job = job;
    p->session->jobs++;
    return true;
}

/* Evaluate until it is decided, or a job is under way. */
static void evaluate(struct pending_verify *p)
{
    struct eval_context context = context_of(p->session);

    while (p->job == NULL && !p->decided) {
        p->decided = eval_continue(&p->evaluation, &context);
        if (!p->decided && !submit_job(p, eval_entry(&p->evaluation)))
            eval_take_failure(&p->evaluation, context.worker, FAILURE_BUSY);
    }
}

static void end_job(struct pending_verify *p)
{
    p->job = NULL;
    p->session->jobs--;
}

struct session *pending_verify_resume(struct mail *mail)
{
    struct job *job = (struct job *)mail;
    struct pending_verify *p = job->sender;
    struct session *s = p->session;

    evtimer_del(&p->timeout);
    end_job(p);
    if (job->ended_its_thread)
        eval_take_failure(&p->evaluation, s->worker->reader, FAILURE_THREAD);
    else
        eval_take_result(&p->evaluation, s->worker->reader, job->outcome, &job->answer);
    job_free(job);
    if (s->state == SESSION_CLOSED) {
        pending_verify_close(s);
        return s;
    }
    evaluate(p);
    flush(s);
    return s;
}

/* Give the job up, unless it is on its way back just now. */
static void on_timeout(evutil_socket_t fd, short what, void *pending)
{
    struct pending_verify *p = pending;
    struct session *s = p->session;
    enum job_fate fate = thread_pool_cancel(p->job);

    (void)fd;
    (void)what;
    if (fate == JOB_RETURNING)
        return;
    end_job(p);
    eval_take_failure(&p->evaluation, s->worker->reader,
                      fate == JOB_ABANDONED ? FAILURE_TIMEOUT : FAILURE_BUSY);
    evaluate(p);
    flush(s);
    s->on_ready(s);
}

void pending_verify_close(struct session *s)
{
    for (struct pending_verify *p = s->first_pending; p != NULL; p = p->next) {
        if (p->job == NULL)
            continue;
        evtimer_del(&p->timeout);
        if (thread_pool_cancel(p->job) != JOB_RETURNING)
            end_job(p);
    }
    while (s->jobs == 0 && s->first_pending != NULL)
        drop_first(s);
}
