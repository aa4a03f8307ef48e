/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a connection, for connection.c and serve.c. */
#ifndef JETON_PLUGIN_WEB_CONNECTION_PRIVATE_H
#define JETON_PLUGIN_WEB_CONNECTION_PRIVATE_H

#include <event2/event_struct.h>

#include "plugin/web/clock.h"
#include "plugin/web/context.h"
#include "plugin/web/exchange.h"
#include "plugin/web/response.h"

enum phase {
    PHASE_HEAD,
    PHASE_HELD, /* a wrong secret is answered later */
    PHASE_BODY,
    PHASE_CONNECTING, /* the daemon's queue is full */
    PHASE_EXCHANGE,
    PHASE_WRITING,
    PHASE_LINGER, /* what the client still sends is dropped: to close at once could take the response back */
};

/* Whose it is, once that was asked; only where many wait. */
enum connection_side { SIDE_UNKNOWN, SIDE_OURS, SIDE_OTHERS };

enum { CONNECTION_CONNECT_MS = 10000 }; /* how long space in the daemon's queue is waited for */

struct connection {
    struct context *context;
    TAILQ_ENTRY(connection) links;
    int fd;
    enum phase phase;
    int64_t since; /* when the phase began; of PHASE_HELD: when it ends */
    bool admitted, attended;
    enum connection_side side;
    struct event readable, writable;
    struct request_verdict verdict;
    char *body;
    size_t body_len, body_size;
    struct exchange *exchange;
    struct slice file; /* what is left to send of a file, behind `out` */
    size_t out_at;
    struct text out;
    size_t searched; /* see http_head_parse() */
    size_t in_len;
    char out_bytes[RESPONSE_HEAD_MAX];
    char in[HTTP_HEAD_MAX];
};

/* Answer a request by its head. */
void serve_head(struct connection *c, const struct http_head *head);

/* Go on when bytes of the body have come. */
void serve_body(struct connection *c);

/* Connect to the daemon, or wait for space in its queue. */
void serve_connect(struct connection *c);

void connection_enter(struct connection *c, enum phase phase);

/* It is no longer one of those that have shown the secret. */
void connection_discharge(struct connection *c);

/* These may close it, and free it: return at once. */
void connection_respond(struct connection *c, const struct request_verdict *verdict);
void connection_refuse(struct connection *c, unsigned status, const char *why);
void connection_linger(struct connection *c);
void connection_close(struct connection *c);

#endif
