/* SPDX-License-Identifier: Apache-2.0 */
/* Counters, and their text for Prometheus.  The main thread. */
#ifndef JETON_PLUGIN_GATEWAY_METRICS_H
#define JETON_PLUGIN_GATEWAY_METRICS_H

#include <time.h>

#include "plugin/http/answer.h"

enum { METRICS_TEXT_MAX = 8192 };

struct metrics {
    time_t started;
    uint64_t status[6]; /* responses: 200, 401, 403, 503, 500, others */
    uint64_t verdict[JETON_DENIED + 1];
    uint64_t unavailable, invalid, none, malformed;
    uint64_t table, daemon; /* who gave verdicts */
    uint64_t bad_heads, slow_heads;
    uint64_t accepted, refused, shed;
    uint64_t reloads, failed_reloads;
    unsigned connections; /* now */
    unsigned waiting;     /* questions to the daemon, now */
};

/* Count a response. */
void metrics_status(struct metrics *m, unsigned status);

/* Count what an answer was decided by. */
void metrics_decision(struct metrics *m, const struct http_decision *d);

/* Write all in Prometheus's text format. */
void metrics_write(const struct metrics *m, struct text *t);

#endif
