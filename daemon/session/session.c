/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/session/session.h"

#include <stdlib.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/writer/change_request.h"
#include "daemon/writer/change_trace.h"
#include "daemon/writer/fleet_request.h"
#include "daemon/writer/new_values.h"
#include "proto/reply.h"

void session_init(struct session *s)
{
    s->passing = -1;
}

/* What the agent took is to be offered to the next one. */
static void release_requests(struct session *s)
{
    struct server *server = s->worker->server;

    if (s->fleet_taker == 0)
        return;
    fleet_status_release_requests(server->fleet_status, s->fleet_taker);
    write_queue_wake(server->write_queue);
}

void session_free(struct session *s)
{
    if (s->passing >= 0)
        close(s->passing);
    if (s->holds_scan)
        session_end_scan(s);
    for (struct mail *m; (m = mail_pop(&s->early)) != NULL;)
        change_free((struct change *)m);
    fleet_delivery_free(s->fleet_delivery);
    release_requests(s);
    free(s->user);
    iobuf_free(&s->in);
    iobuf_free(&s->out);
}

/* -- replies --------------------------------------------------------------------------------- */

bool session_begin_reply(struct session *s, size_t max, struct text *t)
{
    char *space = iobuf_reserve(&s->out, max);

    if (space == NULL) {
        s->ended = true;
        return false;
    }
    *t = text_in(space, max);
    return true;
}

void session_put_problem(struct session *s, const struct problem *p)
{
    struct text t;

    if (!session_begin_reply(s, LINE_MAX_BYTES, &t))
        return;
    reply_plain(&t, p->status, p->message[0] != '\0' ? p->message : NULL);
    session_end_reply(s, &t);
}

void session_refuse(struct session *s, enum status status, const char *message)
{
    if (session_flush_batch(s))
        problem_set(&s->fault, status, "%s", message);
}

void session_fail(struct session *s, enum status status, const char *message)
{
    struct problem p;

    problem_set(&p, status, "%s", message);
    session_put_problem(s, &p);
    s->ended = true;
}

void session_answer_batch(struct worker *worker)
{
    if (worker->batch.count > 0)
        verify_batch_answer(&worker->batch, worker->server->token_table, worker->reader,
                            clock_wall());
}

bool session_flush_batch(struct session *s)
{
    session_answer_batch(s->worker);
    s->ended = s->ended || s->out.cut;
    return !s->out.cut;
}

/* -- the peer -------------------------------------------------------------------------------- */

uid_t session_login(struct session *s)
{
    if (!s->has_login)
        s->login = peercred_login(s->fd, &s->peer);
    s->has_login = true;
    return s->login;
}

/* -- changes and scans ----------------------------------------------------------------------- */

void session_post_changes(struct session *s)
{
    struct write_queue *queue = s->worker->server->write_queue;
    bool more = s->wait == SESSION_WAITS_FOR_OTHERS;

    /* Announce before posting: the writer may be done with these before this session runs again. */
    if (more && !s->announced)
        write_queue_expect(queue, 1);
    new_values_make(&s->changes, s->worker->server->settings.prefix);
    write_queue_post(queue, &s->changes);
    if (!more && s->announced)
        write_queue_expect(queue, -1);
    s->announced = more;
}

/* Begin the scan of a trace whose entry is saved.  False: it is not, and the scan is given up. */
static bool begin_trace(struct session *s, const struct change *c)
{
    struct scan *scan = s->scan;

    if (c->problem.status == STATUS_OK && s->state != SESSION_CLOSED) {
        change_trace_pass(c, scan);
        write_queue_scan(s->worker->server->write_queue, scan);
        return true;
    }
    s->scan = NULL;
    scan_free(scan);
    return false;
}

static void answer_change(struct session *s, struct change *c)
{
    struct text t;

    s->answered++;
    s->outstanding--;
    session_class(s)->outstanding--;
    if (c->kind == &change_trace && begin_trace(s, c)) {
        change_free(c);
        return;
    }
    if (session_begin_reply(s, LINE_MAX_BYTES, &t)) {
        change_request_reply(c, s->role, clock_wall(), &t);
        session_end_reply(s, &t);
    }
    change_free(c);
}

static struct change *change_of(struct mail *mail)
{
    return (struct change *)mail;
}

/* Keep an answer until those to what was asked for before it are there: one of the fleet's tokens waits for
 * the fleet's database, and others do not.  They mostly come in order. */
static void keep_early(struct session *s, struct change *c)
{
    struct mail **link = &s->early.first;

    if (s->early.last == NULL || change_of(s->early.last)->order < c->order) {
        mail_append(&s->early, &c->mail);
        return;
    }
    while (change_of(*link)->order < c->order)
        link = &(*link)->next;
    c->mail.next = *link;
    *link = &c->mail;
}

void session_take_change(struct session *s, struct change *c)
{
    const struct mail *next = s->worker->mailbox.arrived.first;

    /* Fetch the next one from the writer's processor while this one's reply is written. */
    if (next != NULL && next->on_delivery == c->mail.on_delivery)
        change_prefetch((const struct change *)next);
    if (c->order != s->answered) {
        keep_early(s, c);
        return;
    }
    answer_change(s, c);
    while (s->early.first != NULL && change_of(s->early.first)->order == s->answered)
        answer_change(s, change_of(mail_pop(&s->early)));
}

void session_take_chunk(struct session *s, struct scan *scan)
{
    struct text t;

    s->holds_scan = true;
    if (session_begin_reply(s, scan->len, &t)) {
        text_add(&t, scan->bytes, scan->len);
        session_end_reply(s, &t);
    }
    if (scan->backup.has_descriptor && s->passing < 0) {
        s->passing = scan->backup.descriptor;
        scan->backup.has_descriptor = false;
    }
    if (scan->finished || s->ended)
        session_end_scan(s);
}

/* Take back the batch of a snapshot, of which more comes; or give up what has come, if the last part failed. */
static void take_back_batch(struct session *s)
{
    struct fleet_request *r = s->scan->fleet;

    if (r == NULL || r->word != FLEET_WORD_END)
        return;
    if (r->delivery == NULL) {
        fleet_delivery_free(s->fleet_delivery);
        s->fleet_delivery = NULL;
    } else if (s->fleet_delivery != NULL) {
        fleet_delivery_return(s->fleet_delivery, r->delivery);
    } else {
        s->fleet_delivery = r->delivery;
    }
    r->delivery = NULL;
}

void session_end_scan(struct session *s)
{
    take_back_batch(s);
    scan_free(s->scan);
    s->scan = NULL;
    s->holds_scan = false;
    if (s->role == ROLE_SELF && s->share != NULL)
        s->share->own_scans--;
}

void session_stop_scan(struct session *s)
{
    if (s->scan == NULL || atomic_exchange(&s->scan->stop, true))
        return;
    write_queue_wake(s->worker->server->write_queue);
}

/* -- state ----------------------------------------------------------------------------------- */

bool session_is_away(const struct session *s)
{
    return s->outstanding > 0 || s->jobs > 0 || s->asks || (s->scan != NULL && !s->holds_scan);
}

bool session_is_done(const struct session *s)
{
    if (session_is_away(s) || s->first_pending != NULL || iobuf_len(&s->out) > 0)
        return false;
    return s->ended ||
           (s->eof && iobuf_len(&s->in) == 0 && s->scan == NULL && s->fault.status == STATUS_OK);
}
