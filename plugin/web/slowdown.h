/* SPDX-License-Identifier: Apache-2.0 */
/* Slow down who sends wrong secrets.  On loopback everybody has the same address, so this is about all
 * of them together; who sends the right secret is never delayed.  No I/O, no allocation. */
#ifndef JETON_PLUGIN_WEB_SLOWDOWN_H
#define JETON_PLUGIN_WEB_SLOWDOWN_H

#include <stdint.h>

enum {
    SLOWDOWN_LEVELS = 7, /* the delay doubles so often, from 100 ms to 6.4 s */
    SLOWDOWN_FIRST_MS = 100,
    SLOWDOWN_FORGET_MS = 10000, /* without a wrong secret, it halves */
    SLOWDOWN_REPORT_MS = 60000, /* between two reports */
};

struct slowdown {
    unsigned level;
    int64_t last; /* clock_ms(), of the last wrong secret */
    uint64_t wrong;
    uint64_t reported;
    int64_t reported_at;
};

/* Count a wrong secret; return for how many milliseconds its answer is held back. */
int64_t slowdown_wrong(struct slowdown *s, int64_t now);

/* Return how many wrong secrets are to be reported now; 0: none came, or the last report is too recent. */
uint64_t slowdown_report(struct slowdown *s, int64_t now);

#endif
