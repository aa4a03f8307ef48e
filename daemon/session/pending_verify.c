/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/session/pending_verify.h"

#include <event2/event_struct.h>
#include <stdlib.h>

/* One verification on the list. */
struct pending_verify {
    struct pending_verify *next;
    struct session *session;
    struct stacks *stacks; /* which it keeps in existence */
    struct job *job;       /* under way; or NULL */
    struct event late;     /* ... and no longer than this */
    bool decided;
    struct evaluation hearing;
};

static void go_on(struct pending_verify *m);
static void on_late(evutil_socket_t fd, short what, void *matter);

static struct eval_context place_of(struct session *s)
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

static bool put_reply(struct session *s, struct evaluation *h)
{
    struct text t;

    if (!session_begin_reply(s, LINE_MAX_BYTES, &t))
        return false;
    eval_finish(h, s->worker->reader, &t);
    iobuf_commit(&s->out, t.len);
    return true;
}

static void drop_first(struct session *s)
{
    struct pending_verify *m = s->first_pending;

    s->first_pending = m->next;
    if (m->next == NULL)
        s->last_pending = NULL;
    s->pending--;
    eval_wipe(&m->hearing);
    stack_set_release(m->stacks);
    free(m);
}

static void flush(struct session *s)
{
    while (s->first_pending != NULL && s->first_pending->decided) {
        put_reply(s, &s->first_pending->hearing);
        drop_first(s);
    }
}

static struct pending_verify *append(struct session *s)
{
    struct pending_verify *m = malloc(sizeof(*m));

    if (m == NULL)
        return NULL;
    m->next = NULL;
    m->session = s;
    m->stacks = stack_set_hold(s->worker->stack_reader);
    m->job = NULL;
    m->decided = false;
    event_assign(&m->late, s->worker->base, -1, 0, on_late, m);
    if (s->last_pending != NULL)
        s->last_pending->next = m;
    else
        s->first_pending = m;
    s->last_pending = m;
    s->pending++;
    return m;
}

bool pending_verify_begin(struct session *s, const struct stack *stack,
                          const struct question *asked, struct slice service, int64_t now)
{
    read_groups(s);
    struct eval_context place = place_of(s);
    if (s->first_pending == NULL && !stack->may_block) {
        struct evaluation *h = &s->worker->hearing;
        eval_begin(h, stack, asked, service, &place, now);
        eval_continue(h, &place);
        bool told = put_reply(s, h);
        eval_wipe(h);
        return told;
    }
    struct pending_verify *m = append(s);
    if (m == NULL) {
        s->ended = true;
        return false;
    }
    eval_begin(&m->hearing, stack, asked, service, &place, now);
    go_on(m);
    flush(s);
    return true;
}

/* -- jobs --------------------------------------------------------------------------------- */

/* Sends the step's question to its pool; false: that cannot be. */
static bool send_errand(struct pending_verify *m, struct stack_entry *step)
{
    struct evaluation *h = &m->hearing;
    const struct timeval limit = {
        .tv_sec = step->deadline / 1000000000,
        .tv_usec = step->deadline % 1000000000 / 1000,
    };

    h->question.deadline = (int64_t)h->entry_began + step->deadline;
    struct job *e = job_new(&h->question);
    if (e == NULL)
        return false;
    e->mail.on_delivery = m->session->errand_arrives;
    e->reply_to = &m->session->worker->box;
    e->sender = m;
    if (step->pool == NULL || evtimer_add(&m->late, &limit) < 0 ||
        !thread_pool_submit(step->pool, e)) {
        evtimer_del(&m->late);
        job_free(e);
        return false;
    }
    m->job = e;
    m->session->jobs++;
    return true;
}

static void go_on(struct pending_verify *m)
{
    struct eval_context place = place_of(m->session);

    while (m->job == NULL && !m->decided) {
        m->decided = eval_continue(&m->hearing, &place);
        if (!m->decided && !send_errand(m, eval_entry(&m->hearing)))
            eval_take_failure(&m->hearing, place.worker, FAILURE_BUSY);
    }
}

struct session *pending_verify_resume(struct mail *mail)
{
    struct job *e = (struct job *)mail;
    struct pending_verify *m = e->sender;
    struct session *s = m->session;

    evtimer_del(&m->late);
    m->job = NULL;
    s->jobs--;
    if (e->ended_its_thread)
        eval_take_failure(&m->hearing, s->worker->reader, FAILURE_THREAD);
    else
        eval_take_result(&m->hearing, s->worker->reader, e->outcome, &e->answer);
    job_free(e);
    if (s->closing)
        m->decided = true;
    else
        go_on(m);
    if (!s->closing)
        flush(s);
    else if (s->jobs == 0)
        pending_verify_close(s);
    return s;
}

/* Nobody waits for it any longer.  If it is coming home just now, that is as good. */
static void on_late(evutil_socket_t fd, short what, void *matter)
{
    struct pending_verify *m = matter;
    struct session *s = m->session;
    enum job_fate fate = thread_pool_cancel(m->job);

    (void)fd;
    (void)what;
    if (fate == JOB_RETURNING)
        return;
    m->job = NULL;
    s->jobs--;
    eval_take_failure(&m->hearing, s->worker->reader,
                      fate == JOB_ABANDONED ? FAILURE_TIMEOUT : FAILURE_BUSY);
    go_on(m);
    flush(s);
    s->goes_on(s);
}

void pending_verify_close(struct session *s)
{
    s->closing = true;
    for (struct pending_verify *m = s->first_pending; m != NULL; m = m->next) {
        evtimer_del(&m->late);
        if (m->job == NULL || thread_pool_cancel(m->job) == JOB_RETURNING)
            continue;
        m->job = NULL;
        s->jobs--;
    }
    while (s->jobs == 0 && s->first_pending != NULL)
        drop_first(s);
}
