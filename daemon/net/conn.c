/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/conn.h"

#include <errno.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/session/dispatch.h"
#include "daemon/session/pending_verify.h"
#include "daemon/net/input.h"
#include "daemon/net/output.h"
#include "daemon/net/queue.h"
#include "daemon/net/scheduler.h"

enum {
    LINGER = 30,    /* seconds for a client to take in the last of its replies */
    READS_MOST = 8, /* until what has been read of changes is posted */
};

struct watched {
    struct event event;
    bool on; /* it is among those that the worker waits for */
};

struct conn {
    struct session session; /* first: a session is its connection */
    struct mail mail;
    struct watched read;
    struct watched write;
    bool closed;
    int64_t active;     /* when bytes last moved, in or out */
    int64_t half_since; /* since when half a line is waiting; 0: none is */
    struct conn *next;
    struct conn **link; /* what points to it */
    int reads;          /* of this turn */
    bool ran;           /* dispatch_run() was called, and dispatch_end() was not */
};

static void admit(struct mail *mail);
static void on_read(evutil_socket_t fd, short what, void *conn);
static void on_write(evutil_socket_t fd, short what, void *conn);
static void change_arrives(struct mail *mail);
static void scan_arrives(struct mail *mail);
static void errand_arrives(struct mail *mail);
static void goes_on(struct session *s);
static bool work(struct conn *c);
static void go_on(struct conn *c);
static void resumes(struct session *s);
static void touch(struct conn *c);
static void watch(struct watched *w, bool wanted);
static void watch_both(struct conn *c);
static void set_events(struct conn *c);

struct conn *conn_new(struct worker *worker, int fd, enum role role, const struct peercred *peer)
{
    struct conn *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    c->mail.on_delivery = admit;
    c->session.worker = worker;
    c->session.fd = fd;
    c->session.role = role;
    c->session.peer = *peer;
    c->session.change_arrives = change_arrives;
    c->session.scan_arrives = scan_arrives;
    c->session.errand_arrives = errand_arrives;
    c->session.goes_on = goes_on;
    c->session.resumes = resumes;
    session_init(&c->session);
    return c;
}

struct mail *conn_mail(struct conn *c)
{
    return &c->mail;
}

struct conn *conn_next(const struct conn *c)
{
    return c->next;
}

static void admit(struct mail *mail)
{
    struct conn *c = (struct conn *)((char *)mail - offsetof(struct conn, mail));
    struct worker *worker = c->session.worker;

    c->next = worker->conns;
    c->link = &worker->conns;
    if (c->next != NULL)
        c->next->link = &c->next;
    worker->conns = c;
    c->active = clock_seconds();
    event_assign(&c->read.event, worker->base, c->session.fd, EV_READ | EV_PERSIST, on_read, c);
    event_assign(&c->write.event, worker->base, c->session.fd, EV_WRITE | EV_PERSIST, on_write, c);
    if (worker->stopping)
        conn_wind_down(c);
    set_events(c);
}

/* Its place is free only now: a closed connection whose changes are under way still counts. */
static void free_conn(struct conn *c)
{
    struct session *s = &c->session;
    struct worker *worker = s->worker;

    *c->link = c->next;
    if (c->next != NULL)
        c->next->link = c->link;
    client_limit_give_back(worker->server->client_limit, s->peer.uid, s->role == ROLE_ADMIN);
    session_free(s);
    free(c);
    if (worker->stopping && worker->conns == NULL)
        event_base_loopbreak(worker->base);
}

void conn_close(struct conn *c)
{
    struct session *s = &c->session;

    if (!c->closed) {
        c->closed = true;
        s->rests = false;
        queue_leave(s);
        watch(&c->read, false);
        watch(&c->write, false);
        close(s->fd);
        session_post_changes(s);
        session_stop_scan(s);
        pending_verify_close(s);
    }
    if (!s->touched && !session_is_away(s))
        free_conn(c);
}

/* -- bytes ----------------------------------------------------------------------------------- */

/* Reads once; false: there was nothing, or it is closed. */
static bool take_in(struct conn *c)
{
    struct session *s = &c->session;
    ssize_t len = socket_io_receive(s);

    if (len == -EAGAIN || len == -EINTR)
        session_post_changes(s);
    else if (len < 0)
        conn_close(c);
    if (len < 0)
        return false;
    s->eof = len == 0;
    c->active = clock_seconds();
    return true;
}

/* False: nobody is there to receive it, and it is closed. */
static bool send_out(struct conn *c)
{
    ssize_t sent = socket_io_send(&c->session);

    if (sent > 0)
        c->active = clock_seconds();
    else if (sent < 0)
        conn_close(c);
    return sent >= 0;
}

/* Changes that come together are saved together: before they are posted it is looked whether there
 * are more of them. */
static void go_on(struct conn *c)
{
    struct session *s = &c->session;
    bool more = true;

    while (more && work(c) && !s->rests && s->changes.first != NULL) {
        more = c->read.on && ++c->reads < READS_MOST;
        if (more)
            more = take_in(c);
        else
            session_post_changes(s);
    }
}

/* If others have something to do as well, what came in from all is judged together, and all replies
 * are sent together: to wake a client at each of them would be to give it the processor. */
static void on_read(evutil_socket_t fd, short what, void *conn)
{
    struct conn *c = conn;
    struct worker *worker = c->session.worker;

    (void)fd, (void)what;
    c->reads = 0;
    if (c->session.touched || !take_in(c))
        return;
    if (event_base_get_num_events(worker->base, EVENT_BASE_COUNT_ACTIVE) == 0) {
        go_on(c);
        return;
    }
    dispatch_run(&c->session);
    c->ran = true;
    touch(c);
    event_active(worker->on_turn, 0, 0);
}

static void on_write(evutil_socket_t fd, short what, void *conn)
{
    struct conn *c = conn;

    (void)fd, (void)what;
    if (send_out(c))
        go_on(c);
}

static void end_run(struct conn *c)
{
    c->ran = false;
    dispatch_end(&c->session);
}

/* Does all that can be done now, then waits for what comes next.  False: it is closed. */
static bool work(struct conn *c)
{
    struct session *s = &c->session;

    do {
        if (!c->ran)
            dispatch_run(s);
        end_run(c);
        if (!send_out(c))
            return false;
    } while (s->waits_for_output && iobuf_len(&s->out) == 0);
    if (session_is_done(s)) {
        conn_close(c);
        return false;
    }
    if (s->starved)
        queue_join(s);
    if (s->rests || (s->promises && s->changes.first == NULL))
        session_post_changes(s);
    if (s->rests)
        scheduler_yield(s);
    set_events(c);
    return true;
}

static void watch(struct watched *w, bool wanted)
{
    if (wanted && !w->on)
        w->on = event_add(&w->event, NULL) == 0;
    else if (!wanted && w->on)
        w->on = event_del(&w->event) < 0;
}

static void watch_both(struct conn *c)
{
    const struct session *s = &c->session;

    watch(&c->read, !s->eof && !s->ended && iobuf_len(&s->in) < SESSION_ROOM);
    watch(&c->write, iobuf_len(&s->out) > 0);
}

static void set_events(struct conn *c)
{
    const struct session *s = &c->session;

    watch_both(c);
    /* It is the half line now there that is timed, not that there is always one. */
    if (!s->half_a_line || s->ended_a_line)
        c->half_since = 0;
    if (s->half_a_line && c->half_since == 0)
        c->half_since = clock_seconds();
}

/* -- mail coming home ------------------------------------------------------------------------ */

/* It goes on when all mail is in, with its replies together. */
static void touch(struct conn *c)
{
    if (c->closed)
        conn_close(c);
    else
        scheduler_touch(&c->session);
}

/* What waits for this mail may begin now: another run is needed, whether there was one or not. */
static void news_for(struct conn *c)
{
    if (c->ran)
        end_run(c);
}

static void change_arrives(struct mail *mail)
{
    struct change *change = (struct change *)mail;
    struct conn *c = change->sender;

    news_for(c);
    session_take_change(&c->session, change);
    touch(c);
}

static void errand_arrives(struct mail *mail)
{
    struct conn *c = (struct conn *)pending_verify_resume(mail);

    news_for(c);
    touch(c);
}

static void goes_on(struct session *s)
{
    news_for((struct conn *)s);
    go_on((struct conn *)s);
}

static void resumes(struct session *s)
{
    struct conn *c = (struct conn *)s;

    if (c->closed)
        conn_close(c);
    else
        go_on(c);
}

static void scan_arrives(struct mail *mail)
{
    struct scan *scan = (struct scan *)mail;
    struct conn *c = scan->sender;

    news_for(c);
    session_take_chunk(&c->session, scan);
    resumes(&c->session);
}

/* -- deadlines ------------------------------------------------------------------------------- */

void conn_tick(struct conn *c, int64_t now)
{
    struct session *s = &c->session;
    int64_t line = atomic_load(&s->worker->server->settings.line_timeout);
    int64_t idle = atomic_load(&s->worker->server->settings.idle_timeout);

    if (c->closed || session_is_away(s))
        return;
    if ((idle > 0 && now - c->active > idle) || (s->ended && now - c->active > LINGER)) {
        conn_close(c);
    } else if (line > 0 && c->half_since > 0 && now - c->half_since > line && !s->ended &&
               s->scan == NULL) {
        session_fail(s, STATUS_SYNTAX,
                     "half a line, and no line end for too long ([daemon] "
                     "line_timeout); closing");
        go_on(c);
    } else {
        watch_both(c); /* there may have been no memory to */
    }
}

void conn_wind_down(struct conn *c)
{
    if (!c->closed)
        shutdown(c->session.fd, SHUT_RD);
}
