/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/web/connection.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plugin/web/connection_private.h"
#include "plugin/web/peer.h"

enum { LINGER_READS = 8 };

static void on_readable(evutil_socket_t fd, short what, void *connection);
static void on_writable(evutil_socket_t fd, short what, void *connection);

/* Milliseconds that a phase may take; an exchange may stand still so long. */
static const int64_t limits[] = {
    [PHASE_HEAD] = 10000,     [PHASE_HELD] = 0,
    [PHASE_BODY] = 10000,     [PHASE_CONNECTING] = CONNECTION_CONNECT_MS,
    [PHASE_EXCHANGE] = 60000, [PHASE_WRITING] = 20000,
    [PHASE_LINGER] = 2000,
};

/* -- phases ------------------------------------------------------------------------------------ */

void connection_enter(struct connection *c, enum phase phase)
{
    c->phase = phase;
    c->since = clock_ms();
}

static void free_body(struct connection *c)
{
    if (c->body != NULL)
        sodium_memzero(c->body, c->body_size);
    free(c->body);
    c->body = NULL;
}

/* An answer that comes for somebody in front of the page is use, as long as it comes. */
static void note_use(struct connection *c)
{
    if (c->attended)
        connection_note_use(c->context, exchange_moved(c->exchange));
}

/* It is no longer one of those that have shown the secret. */
void connection_discharge(struct connection *c)
{
    struct context *context = c->context;

    if (c->exchange != NULL) {
        note_use(c);
        exchange_free(c->exchange);
    }
    c->exchange = NULL;
    context->admitted -= c->admitted;
    c->admitted = c->attended = false;
}

void connection_close(struct connection *c)
{
    struct context *context = c->context;

    connection_discharge(c);
    context->held -= c->phase == PHASE_HELD;
    event_del(&c->readable);
    event_del(&c->writable);
    close(c->fd);
    TAILQ_REMOVE(&context->connections, c, links);
    context->count--;
    free_body(c);
    sodium_memzero(c->in, c->in_len);
    free(c);
}

void connection_linger(struct connection *c)
{
    connection_enter(c, PHASE_LINGER);
    if (shutdown(c->fd, SHUT_WR) < 0 || event_add(&c->readable, NULL) < 0)
        connection_close(c);
}

/* -- writing ----------------------------------------------------------------------------------- */

static ssize_t send_some(struct connection *c, const char *at, size_t len)
{
    return send(c->fd, at, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void write_some(struct connection *c)
{
    const bool head = c->out_at < c->out.len;
    ssize_t sent = head ? send_some(c, c->out.at + c->out_at, c->out.len - c->out_at) :
                          send_some(c, c->file.at, c->file.len);

    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        connection_close(c);
        return;
    }
    if (sent > 0 && head)
        c->out_at += (size_t)sent;
    else if (sent > 0)
        c->file = (struct slice){ c->file.at + sent, c->file.len - (size_t)sent };
    if (c->out_at < c->out.len || c->file.len > 0)
        return;
    event_del(&c->writable);
    connection_linger(c);
}

static void on_writable(evutil_socket_t fd, short what, void *connection)
{
    (void)fd;
    (void)what;
    write_some(connection);
}

static void begin_writing(struct connection *c)
{
    event_del(&c->readable);
    connection_enter(c, PHASE_WRITING);
    if (event_add(&c->writable, NULL) < 0)
        connection_close(c);
}

void connection_respond(struct connection *c, const struct request_verdict *v)
{
    c->context->held -= c->phase == PHASE_HELD;
    if (v->file != NULL && v->status == 200)
        response_file(&c->out, v->file);
    else if (v->proof[0] != '\0')
        response_proof(&c->out, v->proof);
    else
        response_refusal(&c->out, v);
    c->file = v->file != NULL && !v->head_only ? v->file->bytes : (struct slice){ NULL, 0 };
    begin_writing(c);
}

void connection_refuse(struct connection *c, unsigned status, const char *why)
{
    const struct request_verdict v = { .status = status, .why = why };

    connection_discharge(c);
    free_body(c);
    connection_respond(c, &v);
}

/* -- reading ----------------------------------------------------------------------------------- */

static void read_body(struct connection *c)
{
    ssize_t got = recv(c->fd, c->body + c->body_len, c->body_size - c->body_len, MSG_DONTWAIT);

    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
        connection_close(c);
        return;
    }
    c->body_len += got > 0 ? (size_t)got : 0;
    serve_body(c);
}

static void read_head(struct connection *c)
{
    static struct http_head head;
    const char *why;
    ssize_t got = recv(c->fd, c->in + c->in_len, sizeof(c->in) - c->in_len, MSG_DONTWAIT);

    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
        connection_close(c);
        return;
    }
    c->in_len += got > 0 ? (size_t)got : 0;
    if (c->in_len == 0)
        return;
    switch (http_head_parse(c->in, c->in_len, &c->searched, &head, &why)) {
    case HTTP_HEAD_OK:
        serve_head(c, &head);
        break;
    case HTTP_HEAD_MORE:
        break;
    case HTTP_HEAD_TOO_LONG:
        connection_refuse(c, 431, "the head is too long");
        break;
    default:
        connection_refuse(c, 400, why);
    }
}

/* Read and drop what still comes. */
static void drop(struct connection *c)
{
    for (int i = 0; i < LINGER_READS; i++) {
        ssize_t got = recv(c->fd, c->in, sizeof(c->in), MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (got <= 0) {
            connection_close(c);
            return;
        }
        c->in_len = sizeof(c->in);
    }
}

static void on_readable(evutil_socket_t fd, short what, void *connection)
{
    struct connection *c = connection;

    (void)fd;
    (void)what;
    if (c->phase == PHASE_HEAD)
        read_head(c);
    else if (c->phase == PHASE_BODY)
        read_body(c);
    else
        drop(c);
}

/* -- life -------------------------------------------------------------------------------------- */

/* Each connection is asked about once. */
static bool is_ours(struct connection *c)
{
    uid_t uid;

    if (c->side == SIDE_UNKNOWN)
        c->side = peer_is_allowed(c->fd, &uid) ? SIDE_OURS : SIDE_OTHERS;
    return c->side == SIDE_OURS;
}

/* End the oldest connection that has not shown the secret, rather another user's than one of ours. */
static void shed(struct context *context)
{
    struct connection *c, *oldest = NULL;

    TAILQ_FOREACH(c, &context->connections, links)
    {
        if (c->admitted)
            continue;
        if (oldest == NULL)
            oldest = c;
        if (!peer_is_cheap() || !is_ours(c))
            break;
    }
    if (c == NULL)
        c = oldest;
    if (c != NULL)
        connection_close(c);
}

void connection_new(struct context *context, int fd)
{
    struct connection *c = malloc(sizeof(*c));

    if (c == NULL) {
        close(fd);
        return;
    }
    if (context->count - context->admitted >= CONNECTION_OPEN_MAX)
        shed(context);
    memset(c, 0, offsetof(struct connection, out_bytes));
    c->context = context;
    c->fd = fd;
    c->out = text_in(c->out_bytes, sizeof(c->out_bytes));
    connection_enter(c, PHASE_HEAD);
    event_assign(&c->readable, context->base, fd, EV_READ | EV_PERSIST, on_readable, c);
    event_assign(&c->writable, context->base, fd, EV_WRITE | EV_PERSIST, on_writable, c);
    TAILQ_INSERT_TAIL(&context->connections, c, links);
    context->count++;
    if (event_add(&c->readable, NULL) < 0)
        connection_close(c);
    else
        read_head(c); /* it may have come already */
}

static void end_late(struct connection *c)
{
    if (c->phase == PHASE_HELD)
        connection_respond(c, &c->verdict);
    else if ((c->phase == PHASE_HEAD && c->in_len > 0) || c->phase == PHASE_BODY)
        connection_refuse(c, 408, "the request came too slowly");
    else
        connection_close(c);
}

void connection_tick(struct context *context)
{
    const int64_t now = clock_ms();
    struct connection *c, *next;

    for (c = TAILQ_FIRST(&context->connections); c != NULL; c = next) {
        next = TAILQ_NEXT(c, links);
        if (c->exchange != NULL)
            note_use(c);
        const int64_t since = c->exchange == NULL              ? c->since :
                              exchange_is_waiting(c->exchange) ? exchange_moved(c->exchange) :
                                                                 now;
        if (c->phase == PHASE_CONNECTING)
            serve_connect(c);
        else if (now - since >= limits[c->phase])
            end_late(c);
    }
}

void connection_note_use(struct context *context, int64_t when)
{
    if (when > context->active && !connection_is_late(context, when))
        context->active = when;
}

bool connection_is_late(const struct context *context, int64_t now)
{
    return context->idle_ms > 0 && now - context->active >= context->idle_ms;
}

void connection_close_all(struct context *context)
{
    struct connection *c;

    while ((c = TAILQ_FIRST(&context->connections)) != NULL)
        connection_close(c);
}
