/* SPDX-License-Identifier: Apache-2.0 */
/* What all connections share.  The main thread. */
#ifndef JETON_PLUGIN_GATEWAY_CONTEXT_H
#define JETON_PLUGIN_GATEWAY_CONTEXT_H

#include "plugin/gateway/metrics.h"
#include "plugin/gateway/peers.h"
#include "plugin/gateway/rules.h"

/* What a socket serves. */
enum side {
    SIDE_HTTP,  /* /verify/SITE */
    SIDE_ADMIN, /* /healthz, /metrics */
};

struct connection;

struct context {
    struct event_base *base;
    struct rules *rules; /* those in force */
    struct peers peers;
    struct metrics metrics;
    TAILQ_HEAD(, connection) connections;
    int64_t now;   /* monotonic milliseconds, of this turn of the event loop */
    bool draining; /* the process ends: no request after the one that came */
};

#endif
