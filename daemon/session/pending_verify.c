/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/session/pending_verify.h"

#include <event2/event_struct.h>
#include <stdlib.h>

#include "daemon/session/pool_place.h"
#include "daemon/table/refusals.h"

/* One verification on the list. */
struct pending_verify {
    struct pending_verify *next;
    struct session *session;
    struct stacks *stacks;            /* kept in existence by it */
    struct job *job;                  /* under way; or NULL */
    struct event timeout;             /* of the job, or of the wait for a place */
    struct pool_place *place;         /* that the job has, or that is waited for; NULL: neither */
    bool waits;                       /* for the place */
    TAILQ_ENTRY(pending_verify) turn; /* among those that wait */
    bool decided;
    struct evaluation evaluation;
};

static void evaluate(struct pending_verify *p);
static void on_timeout(evutil_socket_t fd, short what, void *pending);

/* Return the context of an evaluation, to be freed with free_context(). */
static struct eval_context context_of(struct session *s)
{
    return (struct eval_context){
        .token_table = s->worker->server->token_table,
        .worker = s->worker->reader,
        .peer = &s->peer,
        .peer_fd = s->fd,
    };
}

static void free_context(struct eval_context *context)
{
    free(context->groups);
}

/* -- one after the other --------------------------------------------------------------------- */

static bool put_reply(struct session *s, struct evaluation *e)
{
    struct text t;
    const uint8_t *id;

    enum status status = eval_answer(e, &id);
    if (status != STATUS_OK)
        refusals_note_verdict(write_queue_refusals(s->worker->server->write_queue),
                              s->worker->reader, id, status, s->peer.uid, e->question.now);
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
    evtimer_del(&p->timeout);
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
    p->place = NULL;
    p->waits = p->decided = false;
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
                             struct slice client, int64_t now)
{
    struct eval_context context = context_of(s);
    struct evaluation *e = &s->worker->evaluation;

    context.client = client;
    eval_begin(e, stack, asked, service, &context, now);
    eval_continue(e, &context);
    free_context(&context);
    bool done = put_reply(s, e);
    eval_wipe(e);
    return done;
}

bool pending_verify_begin(struct session *s, const struct stack *stack,
                          const struct question *asked, struct slice service, struct slice client,
                          int64_t now)
{
    const struct eval_context who = { .peer = &s->peer, .client = client };

    if (s->first_pending == NULL && !stack->on_pool)
        return evaluate_at_once(s, stack, asked, service, client, now);
    struct pending_verify *p = append(s);
    if (p == NULL) {
        s->ended = true;
        return false;
    }
    eval_begin(&p->evaluation, stack, asked, service, &who, now);
    evaluate(p);
    flush(s);
    return true;
}

/* -- jobs ------------------------------------------------------------------------------------ */

/* Submit the question to the pool of the entry that is asked; false: that is not possible now. */
static bool submit_job(struct pending_verify *p, struct eval_context *context)
{
    struct stack_entry *entry = eval_entry(&p->evaluation);

    eval_show_groups(&p->evaluation, context);
    struct job *job = job_new(&p->evaluation.question);
    if (job == NULL)
        return false;
    job->mail.on_delivery = p->session->on_job;
    job->reply_to = &p->session->worker->mailbox;
    job->sender = p;
    if (entry->pool == NULL || !thread_pool_submit(entry->pool, job)) {
        job_free(job);
        return false;
    }
    p->job = job;
    p->session->jobs++;
    p->place->taken++;
    return true;
}

static void wait_for_place(struct pending_verify *p)
{
    TAILQ_INSERT_TAIL(&p->place->waiting, p, turn);
    p->waits = true;
    p->session->waiting++;
}

static void stop_waiting(struct pending_verify *p)
{
    TAILQ_REMOVE(&p->place->waiting, p, turn);
    p->waits = false;
    p->session->waiting--;
}

/* Submit the next one that waits for a place.  If that fails, its time runs out. */
static void give_place(struct pool_place *place)
{
    struct pending_verify *p = TAILQ_FIRST(&place->waiting);

    if (p == NULL)
        return;
    struct eval_context context = context_of(p->session);
    stop_waiting(p);
    if (!submit_job(p, &context))
        p->place = NULL;
    free_context(&context);
}

/* Give up the job or the wait for a place, and let the next one have the place. */
static void leave_place(struct pending_verify *p)
{
    struct pool_place *place = p->place;

    evtimer_del(&p->timeout);
    if (place == NULL)
        return;
    if (p->waits)
        stop_waiting(p);
    if (p->job != NULL) {
        p->job = NULL;
        p->session->jobs--;
        place->taken--;
        give_place(place);
    }
    p->place = NULL;
    pool_place_put(p->session->share, place);
}

/* Have a pool asked, at once or when the uid has a place there; false: that is not possible. */
static bool ask_pool(struct pending_verify *p, struct eval_context *context)
{
    struct session *s = p->session;
    struct stack_entry *entry = eval_entry(&p->evaluation);
    const struct timeval limit = {
        .tv_sec = entry->deadline / 1000000000,
        .tv_usec = entry->deadline % 1000000000 / 1000,
    };

    p->evaluation.question.deadline = (int64_t)p->evaluation.entry_began + entry->deadline;
    if (entry->pool == NULL || evtimer_add(&p->timeout, &limit) < 0)
        return false;
    p->place = pool_place_get(s->share, entry->pool);
    if (p->place == NULL) {
        leave_place(p);
        return false;
    }
    unsigned places = thread_pool_places(entry->pool) / (unsigned)server_workers(s->worker->server);
    if (p->place->taken > 0 && p->place->taken >= places) {
        wait_for_place(p);
        return true;
    }
    if (submit_job(p, context))
        return true;
    leave_place(p);
    return false;
}

/* Evaluate until it is decided, or a job is under way. */
static void evaluate(struct pending_verify *p)
{
    struct eval_context context = context_of(p->session);

    while (p->place == NULL && !p->decided) {
        p->decided = eval_continue(&p->evaluation, &context);
        if (!p->decided && !ask_pool(p, &context))
            eval_take_failure(&p->evaluation, context.worker, FAILURE_BUSY);
    }
    free_context(&context);
}

struct session *pending_verify_resume(struct mail *mail)
{
    struct job *job = (struct job *)mail;
    struct pending_verify *p = job->sender;
    struct session *s = p->session;

    leave_place(p);
    if (job->ended_its_thread || job->displaced)
        eval_take_failure(&p->evaluation, s->worker->reader,
                          job->displaced ? FAILURE_BUSY : FAILURE_THREAD);
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

/* Give the job or the wait for a place up, unless the job is on its way back just now. */
static void on_timeout(evutil_socket_t fd, short what, void *pending)
{
    struct pending_verify *p = pending;
    struct session *s = p->session;
    enum job_fate fate = p->job != NULL ? thread_pool_cancel(p->job) : JOB_CANCELLED;

    (void)fd;
    (void)what;
    if (fate == JOB_RETURNING)
        return;
    leave_place(p);
    eval_take_failure(&p->evaluation, s->worker->reader,
                      fate == JOB_ABANDONED ? FAILURE_TIMEOUT : FAILURE_BUSY);
    evaluate(p);
    flush(s);
    s->on_ready(s);
}

/* Leave the queues first: a place that is given up must not go to this session. */
void pending_verify_close(struct session *s)
{
    for (struct pending_verify *p = s->first_pending; p != NULL; p = p->next)
        if (p->waits)
            leave_place(p);
    for (struct pending_verify *p = s->first_pending; p != NULL; p = p->next)
        if (p->job != NULL && thread_pool_cancel(p->job) != JOB_RETURNING)
            leave_place(p);
    while (s->jobs == 0 && s->first_pending != NULL)
        drop_first(s);
}
