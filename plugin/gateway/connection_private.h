/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a connection, for connection.c and serve.c. */
#ifndef JETON_PLUGIN_GATEWAY_CONNECTION_PRIVATE_H
#define JETON_PLUGIN_GATEWAY_CONNECTION_PRIVATE_H

#include <event2/event_struct.h>

#include "plugin/gateway/context.h"
#include "plugin/gateway/health.h"
#include "plugin/gateway/verify_request.h"

enum phase { PHASE_IDLE, PHASE_HEAD, PHASE_WAITING, PHASE_WRITING, PHASE_LINGER };

enum {
    CONNECTION_RUN_MAX = 16, /* requests, before it is another's turn */
    CONNECTION_OUT_SIZE = 2 * VERIFY_RESPONSE_MAX,
};

struct connection {
    struct turn turn;
    struct context *context;
    int fd;
    enum side side;
    enum phase phase;
    int64_t since;    /* context->now, when the phase began */
    bool more;        /* the socket may have something to read */
    bool half_closed; /* the client has ended its direction; what it sent may still be here */
    bool eof;         /* ... and all of it was read */
    bool closing;     /* no request after the last one that was answered */
    bool linger;      /* ... and the client may still be sending */
    bool waiting;     /* for the daemon */
    bool parked;      /* its next request has to wait until another of this user is answered */
    struct verify_request verify;
    struct health_probe *probe;
    bool head_only; /* the request that a probe is for was HEAD */
    struct event readable, writable;
    TAILQ_ENTRY(connection) links;
    size_t searched; /* see http_head_parse() */
    size_t in_at, in_len;
    size_t out_at;
    struct text out;
    char in[HTTP_HEAD_MAX];
    char out_bytes[CONNECTION_OUT_SIZE];
};

/* Answer a request at the front of `in`, and consume it.  False: there is no whole one, or it has to
 * wait; if `parked` was set, it is still there. */
bool serve_next(struct connection *c);

/* An answer came from the daemon. */
void connection_resume(struct connection *c);

/* Add a response without a body; the connection ends with it. */
void serve_failure(struct connection *c, unsigned status);

#endif
