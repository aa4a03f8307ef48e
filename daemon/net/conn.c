/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/net/conn_private.h"
#include "daemon/net/scheduler.h"
#include "daemon/net/socket_io.h"
#include "daemon/session/cmd_table.h"
#include "daemon/session/dispatch.h"
#include "daemon/session/pending_verify.h"
#include "daemon/session/self_user.h"

enum {
    LINGER = 30,   /* seconds for a client to take in the last of its replies */
    READS_MAX = 8, /* of one turn, until the changes that were read are posted */
};

static void admit(struct mail *mail);
static void on_read(evutil_socket_t fd, short what, void *conn);
static void on_write(evutil_socket_t fd, short what, void *conn);
static void on_change(struct mail *mail);
static void on_chunk(struct mail *mail);
static void on_job(struct mail *mail);
static void on_ready(struct session *s);
static void on_turn(struct session *s);
static void run(struct conn *c);
static void end_batched_run(struct session *s);
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
    c->session.on_change = on_change;
    c->session.on_chunk = on_chunk;
    c->session.on_job = on_job;
    c->session.on_ready = on_ready;
    c->session.on_turn = on_turn;
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
    c->session.share = uid_share_join(&worker->shares, c->session.peer.uid);
    event_assign(&c->read.event, worker->base, c->session.fd, EV_READ | EV_PERSIST, on_read, c);
    event_assign(&c->write.event, worker->base, c->session.fd, EV_WRITE | EV_PERSIST, on_write, c);
    if (worker->stopping)
        conn_wind_down(c);
    if (c->session.share != NULL)
        set_events(c);
    else
        conn_close(c);
}

/* Free a connection, and only now release it in the client limit: a closed connection with changes
 * under way still counts. */
static void free_conn(struct conn *c)
{
    struct session *s = &c->session;
    struct worker *worker = s->worker;

    *c->link = c->next;
    if (c->next != NULL)
        c->next->link = c->link;
    client_limit_release(worker->server->client_limit, s->peer.uid, s->role == ROLE_ADMIN);
    session_free(s);
    uid_share_leave(&worker->shares, s->share);
    free(c);
    if (worker->stopping && worker->conns == NULL)
        event_base_loopbreak(worker->base);
}

void conn_close(struct conn *c)
{
    struct session *s = &c->session;

    if (s->state != SESSION_CLOSED) {
        end_batched_run(s); /* the batch points into its buffers */
        scheduler_close(s);
        s->wait = SESSION_WAITS_FOR_INPUT;
        watch(&c->read, false);
        watch(&c->write, false);
        close(s->fd);
        session_post_changes(s);
        session_stop_scan(s);
        pending_verify_close(s);
        self_user_close(s);
    }
    if (!session_is_away(s))
        free_conn(c);
}

/* Close a connection that is done or idle.  If its client leaves a descriptor under way, only shut it
 * down until the client takes that in or goes: descriptors under way are limited for all (unix(7):
 * ETOOMANYREFS), and so they are limited for each user by the limit of connections. */
static void end(struct conn *c)
{
    struct session *s = &c->session;

    if (s->worker->stopping || session_is_away(s) || !cmd_table_is_under_way(s)) {
        conn_close(c);
    } else if (!s->ended || c->read.on) {
        s->ended = true;
        shutdown(s->fd, SHUT_RDWR);
        watch_both(c);
    }
}

/* -- bytes ----------------------------------------------------------------------------------- */

/* Read once; false: there was nothing, or it is closed. */
static bool receive(struct conn *c)
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

/* Send what the socket takes.  False: the client receives no more, and the connection is closed. */
static bool send_replies(struct conn *c)
{
    ssize_t sent = socket_io_send(&c->session);

    if (sent > 0)
        c->active = clock_seconds();
    else if (sent < 0)
        conn_close(c);
    return sent >= 0;
}

static void queue(struct session *s, bool readable)
{
    scheduler_queue(s, readable);
    event_active(s->worker->on_turn, 0, 0);
}

/* Answer at once if no other event is active; else answer what arrived for all in one batch, and
 * send all replies together: waking a client at each reply would give it the processor.  Do not
 * even read before the uid has its turn. */
static void on_read(evutil_socket_t fd, short what, void *conn)
{
    struct conn *c = conn;
    struct session *s = &c->session;

    (void)fd, (void)what;
    if (s->state != SESSION_IDLE)
        return;
    if (!scheduler_is_alone(s->worker)) {
        queue(s, true);
        return;
    }
    c->reads = 0;
    turn_begin(&s->worker->turn);
    if (receive(c))
        run(c);
}

static void on_write(evutil_socket_t fd, short what, void *conn)
{
    struct conn *c = conn;
    struct session *s = &c->session;

    (void)fd, (void)what;
    if (!scheduler_is_alone(s->worker)) {
        if (s->state == SESSION_IDLE)
            queue(s, false);
        return;
    }
    turn_begin(&s->worker->turn);
    if (send_replies(c))
        run(c);
}

/* -- running --------------------------------------------------------------------------------- */

/* Do all that can be done now, then wait for what comes next.  `begun`: the session's run was
 * begun, and is to be ended.  False: the connection is closed. */
static bool run_once(struct conn *c, bool begun)
{
    struct session *s = &c->session;

    do {
        if (!begun)
            dispatch_run(s);
        begun = false;
        dispatch_end(s);
        scheduler_end_run(s);
        if (!send_replies(c))
            return false;
    } while (s->wait == SESSION_WAITS_FOR_OUTPUT && iobuf_len(&s->out) == 0);
    if (session_is_done(s)) {
        end(c);
        return false;
    }
    if (s->wait == SESSION_WAITS_FOR_OTHERS || (s->announced && s->changes.first == NULL))
        session_post_changes(s);
    scheduler_park(s);
    set_events(c);
    return true;
}

/* Run the session now.  Read once more before posting changes, since changes that are posted
 * together are saved together. */
static void run(struct conn *c)
{
    struct session *s = &c->session;
    bool begun = !scheduler_begin(s), more = true;

    turn_begin_run(&s->worker->turn);
    while (more && run_once(c, begun) && s->wait != SESSION_WAITS_FOR_OTHERS &&
           s->changes.first != NULL) {
        begun = false;
        more = c->read.on && ++c->reads < READS_MAX;
        if (more)
            more = receive(c);
        else
            session_post_changes(s);
    }
}

/* Begin the run of a session that was due; it ends with the turn. */
static void begin_batched_run(struct conn *c)
{
    struct session *s = &c->session;
    bool readable = s->readable;

    scheduler_begin(s);
    c->reads = 0;
    turn_spend(&s->worker->turn, WORK_OTHER);
    if (iobuf_len(&s->out) > 0 && !send_replies(c))
        return;
    if (readable && !receive(c))
        return;
    turn_begin_run(&s->worker->turn);
    dispatch_run(s);
    scheduler_batch(s);
}

static void on_turn(struct session *s)
{
    if (s->state == SESSION_DUE)
        begin_batched_run((struct conn *)s);
    else
        run((struct conn *)s);
}

/* End a run that was begun in this turn: what arrived since needs another run. */
static void end_batched_run(struct session *s)
{
    if (s->state != SESSION_BATCHED)
        return;
    dispatch_end(s);
    scheduler_unbatch(s);
}

static void on_ready(struct session *s)
{
    end_batched_run(s);
    if (s->state == SESSION_CLOSED)
        conn_close((struct conn *)s);
    else
        run((struct conn *)s);
}

static void watch_both(struct conn *c)
{
    const struct session *s = &c->session;

    watch(&c->read, !s->eof && !s->ended && iobuf_len(&s->in) < SESSION_INPUT_MAX);
    watch(&c->write, iobuf_len(&s->out) > 0);
}

static void set_events(struct conn *c)
{
    const struct session *s = &c->session;
    bool partial = s->wait == SESSION_WAITS_FOR_INPUT && framing_is_partial(&s->framing);

    watch_both(c);
    /* Time each partial line by itself: a busy client may always have one. */
    if (!partial || c->partial_after != s->framing.lines)
        c->partial_since = 0;
    c->partial_after = s->framing.lines;
    if (partial && c->partial_since == 0)
        c->partial_since = clock_seconds();
}

/* -- mail ------------------------------------------------------------------------------------ */

/* Run the session when all mail is delivered, so that its replies are sent together. */
static void schedule(struct session *s)
{
    if (s->state == SESSION_CLOSED)
        conn_close((struct conn *)s);
    else
        scheduler_schedule(s);
}

static void on_change(struct mail *mail)
{
    struct change *change = (struct change *)mail;
    struct session *s = change->sender;

    end_batched_run(s);
    session_take_change(s, change);
    schedule(s);
}

static void on_job(struct mail *mail)
{
    struct session *s = pending_verify_resume(mail);

    end_batched_run(s);
    schedule(s);
}

static void on_chunk(struct mail *mail)
{
    struct scan *scan = (struct scan *)mail;
    struct session *s = scan->sender;

    end_batched_run(s);
    session_take_chunk(s, scan);
    on_ready(s);
}

/* -- deadlines ------------------------------------------------------------------------------- */

void conn_tick(struct conn *c, int64_t now)
{
    struct session *s = &c->session;
    int64_t line = atomic_load(&s->worker->server->settings.line_timeout);
    int64_t idle = atomic_load(&s->worker->server->settings.idle_timeout);

    if (s->state == SESSION_CLOSED || session_is_away(s))
        return;
    if ((idle > 0 && now - c->active > idle) ||
        (s->ended && (session_is_done(s) || now - c->active > LINGER))) {
        end(c);
    } else if (line > 0 && c->partial_since > 0 && now - c->partial_since > line && !s->ended &&
               s->scan == NULL) {
        session_fail(s, STATUS_SYNTAX,
                     "the rest of a line did not come in time ([daemon] line_timeout); closing");
        run(c);
    } else {
        watch_both(c); /* there may have been no memory to do so */
    }
}

void conn_wind_down(struct conn *c)
{
    if (c->session.state != SESSION_CLOSED)
        shutdown(c->session.fd, SHUT_RD);
}
