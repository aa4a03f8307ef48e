/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/gateway/connection.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plugin/gateway/connection_private.h"

enum { LINGER_MS = 2000, LINGER_READS = 16 };

static void run(struct turn *turn);
static void on_readable(evutil_socket_t fd, short what, void *connection);
static void on_writable(evutil_socket_t fd, short what, void *connection);

bool connection_new(struct context *context, int fd, enum side side, struct peer *peer)
{
    struct connection *c = malloc(sizeof(*c));

    if (c == NULL)
        return false;
    memset(c, 0, offsetof(struct connection, in));
    c->turn = (struct turn){ .peer = peer, .run = run };
    c->context = context;
    c->fd = fd;
    c->side = side;
    c->since = context->now;
    c->out = text_in(c->out_bytes, sizeof(c->out_bytes));
    /* Edge-triggered: what is not read at once is remembered here. */
    event_assign(&c->readable, context->base, fd, EV_READ | EV_CLOSED | EV_PERSIST | EV_ET,
                 on_readable, c);
    event_assign(&c->writable, context->base, fd, EV_WRITE | EV_ET, on_writable, c);
    if (event_add(&c->readable, NULL) < 0) {
        free(c);
        return false;
    }
    TAILQ_INSERT_TAIL(&context->connections, c, links);
    context->metrics.connections++;
    peer->connections++;
    return true;
}

static void close_connection(struct connection *c)
{
    struct context *context = c->context;
    struct peer *peer = c->turn.peer;
    const bool verifies = c->verify.site != NULL;

    verify_request_cancel(&c->verify, context, c);
    health_cancel(c->probe);
    peers_remove(&c->turn);
    if (verifies)
        peers_answered(&context->peers, &c->turn);
    event_del(&c->readable);
    event_del(&c->writable);
    close(c->fd);
    TAILQ_REMOVE(&context->connections, c, links);
    context->metrics.connections--;
    sodium_memzero(c->in + c->in_at, c->in_len - c->in_at);
    free(c);
    peer->connections--;
    peers_unpark(&context->peers, peer);
    peers_forget(&context->peers, peer);
}

static void on_readable(evutil_socket_t fd, short what, void *connection)
{
    struct connection *c = connection;

    (void)fd;
    c->more = true;
    c->half_closed |= (what & EV_CLOSED) != 0;
    if (c->phase != PHASE_WAITING && c->phase != PHASE_WRITING)
        peers_queue(&c->context->peers, &c->turn);
}

static void on_writable(evutil_socket_t fd, short what, void *connection)
{
    struct connection *c = connection;

    (void)fd;
    (void)what;
    peers_queue(&c->context->peers, &c->turn);
}

void connection_resume(struct connection *c)
{
    c->waiting = false;
    peers_queue(&c->context->peers, &c->turn);
}

/* -- bytes ------------------------------------------------------------------------------------- */

/* Move what is left to the front, and leave no copy of it behind. */
static void compact(struct connection *c)
{
    const size_t left = c->in_len - c->in_at;

    if (c->in_at > 0 && left > 0) {
        memmove(c->in, c->in + c->in_at, left);
        sodium_memzero(c->in + left, c->in_at);
    }
    c->in_at = 0;
    c->in_len = left;
}

/* Read what there is and fits.  False: the connection is broken. */
static bool receive(struct connection *c)
{
    compact(c);
    const size_t space = sizeof(c->in) - c->in_len;
    if (!c->more || c->eof || space == 0)
        return true;
    ssize_t got = recv(c->fd, c->in + c->in_len, space, MSG_DONTWAIT);
    if (got < 0 && errno != EAGAIN && errno != EINTR)
        return false;
    /* Less than asked for is all there is, but for the end, which may have come already. */
    c->more = got == (ssize_t)space || (got < 0 && errno == EINTR) || (got > 0 && c->half_closed);
    c->eof = got == 0;
    c->in_len += got > 0 ? (size_t)got : 0;
    return true;
}

/* Send what there is.  False: the connection is broken. */
static bool flush(struct connection *c)
{
    const size_t left = c->out.len - c->out_at;

    if (left == 0)
        return true;
    ssize_t sent = send(c->fd, c->out.at + c->out_at, left, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR)
        return false;
    c->out_at += sent > 0 ? (size_t)sent : 0;
    if (sent > 0)
        c->since = c->context->now;
    if (c->out_at == c->out.len)
        c->out_at = c->out.len = 0;
    return true;
}

static bool has_space(const struct connection *c)
{
    return c->out.cap - c->out.len >= VERIFY_RESPONSE_MAX;
}

/* -- phases ------------------------------------------------------------------------------------ */

static void enter(struct connection *c, enum phase phase, bool anew)
{
    if (c->phase != phase || anew)
        c->since = c->context->now;
    c->phase = phase;
}

/* The last response is sent.  Return false if the connection can be closed at once. */
static bool begin_linger(struct connection *c)
{
    if (!c->linger || c->eof || shutdown(c->fd, SHUT_WR) < 0)
        return false;
    enter(c, PHASE_LINGER, false);
    c->more = true;
    peers_queue(&c->context->peers, &c->turn);
    return true;
}

/* Read and drop what the client still sends.  False: it has ended. */
static bool drop_input(struct connection *c)
{
    for (int i = 0; i < LINGER_READS; i++) {
        ssize_t got = recv(c->fd, c->in, sizeof(c->in), MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
            return false;
        if (got < 0)
            return true;
        sodium_memzero(c->in, (size_t)got);
    }
    peers_queue(&c->context->peers, &c->turn);
    return true;
}

/* Decide what the connection waits for next.  False: for nothing, it is to be closed. */
static bool settle(struct connection *c, int served, bool again)
{
    if (c->out.len > 0) {
        enter(c, PHASE_WRITING, false);
        return event_add(&c->writable, NULL) == 0;
    }
    if (c->waiting) {
        enter(c, PHASE_WAITING, false);
        return true;
    }
    if (c->closing)
        return begin_linger(c);
    if (c->parked) {
        enter(c, PHASE_HEAD, false);
        peers_park(&c->turn);
        return true;
    }
    if (c->more || again)
        peers_queue(&c->context->peers, &c->turn);
    else if (c->eof)
        return false;
    const bool idle = c->in_len == c->in_at;
    enter(c, idle ? PHASE_IDLE : PHASE_HEAD, served > 0);
    return !(idle && c->context->draining) || c->turn.queued;
}

static bool run_requests(struct connection *c)
{
    int served = 0;

    c->parked = false;
    if (!flush(c) || !receive(c))
        return false;
    while (served < CONNECTION_RUN_MAX && !c->waiting && !c->closing && has_space(c) &&
           serve_next(c))
        served++;
    /* A whole request may be left, without a turn or the space to answer it. */
    const bool again = served == CONNECTION_RUN_MAX || !has_space(c);
    return flush(c) && settle(c, served, again);
}

/* A broken connection stays until its question is answered: the question has its place at libjeton so
 * long, and counts as its user's.  Sending the answer will fail. */
static void abandon(struct connection *c)
{
    event_del(&c->readable);
    event_del(&c->writable);
    c->out_at = c->out.len = 0;
    enter(c, PHASE_WAITING, false);
}

static void run(struct turn *turn)
{
    struct connection *c = (struct connection *)((char *)turn - offsetof(struct connection, turn));

    if (!(c->phase == PHASE_LINGER ? drop_input(c) : run_requests(c))) {
        if (!c->waiting) {
            close_connection(c);
            return;
        }
        abandon(c);
    }
    peers_unpark(&c->context->peers, turn->peer);
}

/* -- deadlines --------------------------------------------------------------------------------- */

static int64_t limit_of(const struct connection *c)
{
    const struct config *config = &c->context->rules->config;

    switch (c->phase) {
    case PHASE_IDLE:
        return config->idle_timeout == 0 ? INT64_MAX : config->idle_timeout * INT64_C(1000);
    case PHASE_WAITING: /* libjeton ends it */
        return INT64_MAX;
    case PHASE_LINGER:
        return LINGER_MS;
    default:
        return config->head_timeout * INT64_C(1000);
    }
}

static void end_late(struct connection *c)
{
    if (c->phase == PHASE_HEAD) {
        c->context->metrics.slow_heads++;
        serve_failure(c, 408);
        flush(c);
    }
    close_connection(c);
}

void connection_check_deadlines(struct context *context)
{
    struct connection *c, *next;

    for (c = TAILQ_FIRST(&context->connections); c != NULL; c = next) {
        next = TAILQ_NEXT(c, links);
        const bool quiet = !c->turn.queued || c->phase == PHASE_LINGER;
        if (quiet && context->now - c->since >= limit_of(c))
            end_late(c);
    }
}

bool connection_shed(struct context *context, struct peer *peer)
{
    struct connection *c, *longest = NULL;

    TAILQ_FOREACH(c, &context->connections, links)
    if (c->turn.peer == peer && c->phase == PHASE_IDLE && !c->turn.queued &&
        (longest == NULL || c->since < longest->since))
        longest = c;
    if (longest == NULL)
        return false;
    close_connection(longest);
    context->metrics.shed++;
    return true;
}

void connection_drain_all(struct context *context)
{
    struct connection *c;

    context->draining = true;
    TAILQ_FOREACH(c, &context->connections, links)
    if (c->phase == PHASE_IDLE) {
        c->more = true; /* look once more: a request may just have come */
        peers_queue(&context->peers, &c->turn);
    }
}

void connection_close_all(struct context *context)
{
    struct connection *c;

    while ((c = TAILQ_FIRST(&context->connections)) != NULL)
        close_connection(c);
}
