/* SPDX-License-Identifier: Apache-2.0 */
/* One request of a connection: who may have what. */
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/web/connection.h"
#include "plugin/web/connection_private.h"
#include "plugin/web/peer.h"

enum { ATTENDED_S = 60 }; /* who did something so long ago is still in front of the page */

/* -- exchanges --------------------------------------------------------------------------------- */

static void on_over(void *connection, bool whole)
{
    struct connection *c = connection;

    connection_discharge(c);
    if (whole)
        connection_linger(c);
    else
        connection_close(c);
}

/* Connect to the daemon, or wait for space in its queue. */
void serve_connect(struct connection *c)
{
    char fault[DAEMON_SOCKET_FAULT];
    int fd = daemon_socket_connect(&c->context->daemon, fault, sizeof(fault));

    if (fd == -EAGAIN &&
        (c->phase != PHASE_CONNECTING || clock_ms() - c->since < CONNECTION_CONNECT_MS)) {
        if (c->phase != PHASE_CONNECTING)
            connection_enter(c, PHASE_CONNECTING);
        return;
    }
    if (fd < 0) {
        connection_refuse(c, 502, fault);
        return;
    }
    char *lines = c->body;
    c->body = NULL;
    c->exchange = exchange_begin(c->context->base, c->fd, fd, lines, c->body_len, on_over, c);
    if (c->exchange == NULL)
        connection_refuse(c, 503, "there is no memory for this");
    else
        connection_enter(c, PHASE_EXCHANGE);
}

/* Note whether somebody is in front of the page: what a page asks for by itself is not use. */
static void note_use(struct connection *c)
{
    const int64_t now = clock_ms(), idle = c->verdict.idle;

    c->attended = idle < ATTENDED_S &&
                  !request_is_unattended((struct slice){ c->body, c->body_len });
    if (c->attended)
        connection_note_use(c->context, now);
    else if (idle >= 0)
        connection_note_use(c->context, now - idle * 1000);
}

void serve_body(struct connection *c)
{
    if (c->body_len > c->verdict.length) {
        connection_refuse(c, 400, "there is more than the body that was announced");
        return;
    }
    if (c->body_len < c->verdict.length)
        return;
    event_del(&c->readable);
    note_use(c);
    serve_connect(c);
}

/* Is it the owner who asks?  Others are refused, and noted. */
static bool is_ours(struct connection *c, bool has_link)
{
    uid_t uid;

    if (peer_is_allowed(c->fd, &uid))
        return true;
    strangers_note(&c->context->strangers, uid, has_link);
    connection_refuse(c, 403, "this page is another user's");
    return false;
}

/* The secret is right. */
static bool admit(struct connection *c)
{
    struct context *context = c->context;

    if (!is_ours(c, true))
        return false;
    if (connection_is_late(context, clock_ms())) { /* the machine was suspended, and wakes */
        connection_refuse(c, 503, "it has ended: nobody has used it");
        return false;
    }
    if (context->admitted == CONNECTION_ADMITTED_MAX) {
        connection_refuse(c, 503, "too many requests at once");
        return false;
    }
    context->admitted++;
    context->used = c->admitted = true;
    return true;
}

/* What came behind the head is the begin of the body. */
static void begin_body(struct connection *c, size_t head_len)
{
    const size_t more = c->in_len - head_len;

    if (!admit(c))
        return;
    c->body_size = c->verdict.length + 1; /* so that one byte too many is seen */
    c->body = malloc(c->body_size);
    if (c->body == NULL) {
        connection_refuse(c, 503, "there is no memory for this");
        return;
    }
    connection_enter(c, PHASE_BODY);
    c->body_len = more < c->body_size ? more : c->body_size;
    memcpy(c->body, c->in + head_len, c->body_len);
    sodium_memzero(c->in, c->in_len);
    serve_body(c);
}

/* -- heads ------------------------------------------------------------------------------------- */

static void hold(struct connection *c)
{
    struct context *context = c->context;
    const int64_t delay = slowdown_wrong(&context->slowdown, clock_ms());

    if (context->held == CONNECTION_HELD_MAX) {
        connection_refuse(c, 429, "too many wrong secrets");
        return;
    }
    event_del(&c->readable);
    connection_enter(c, PHASE_HELD);
    c->since += delay;
    context->held++;
}

/* A page believes who shows it a proof.  Were they for everybody, who takes the near port of a dropped
 * ssh -L could relay one from here. */
static void answer_proof(struct connection *c)
{
    if (is_ours(c, false))
        connection_respond(c, &c->verdict);
}

void serve_head(struct connection *c, const struct http_head *head)
{
    c->verdict = request_judge(&c->context->rules, head);
    if (c->verdict.wrong_secret)
        hold(c);
    else if (c->verdict.status != 200 || c->verdict.file != NULL)
        connection_respond(c, &c->verdict);
    else if (c->verdict.proof[0] != '\0')
        answer_proof(c);
    else
        begin_body(c, head->len);
}
