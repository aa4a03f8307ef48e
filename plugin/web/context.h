/* SPDX-License-Identifier: Apache-2.0 */
/* What all connections share.  The main thread. */
#ifndef JETON_PLUGIN_WEB_CONTEXT_H
#define JETON_PLUGIN_WEB_CONTEXT_H

#include <event2/event.h>
#include <sys/queue.h>

#include "plugin/web/daemon_socket.h"
#include "plugin/web/request.h"
#include "plugin/web/slowdown.h"
#include "plugin/web/strangers.h"

struct connection;

struct context {
    struct event_base *base;
    struct request_rules rules;
    struct daemon_socket daemon;
    struct slowdown slowdown;
    TAILQ_HEAD(connections, connection) connections; /* the oldest first */
    unsigned count;                                  /* of them */
    unsigned held;                                   /* whose wrong secret is answered later */
    unsigned admitted;                               /* who have shown the secret */
    int64_t active;  /* clock_ms(), when somebody last did something */
    int64_t idle_ms; /* how long nobody may do anything; 0: for ever */
    bool used;       /* the secret has been shown */
    struct strangers strangers;
};

#endif
