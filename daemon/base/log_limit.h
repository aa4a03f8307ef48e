/* SPDX-License-Identifier: Apache-2.0 */
/* Limit how often one message is logged, so that what recurs, or what clients can cause, does not
 * fill the log.  Any thread. */
#ifndef JETON_DAEMON_BASE_LOG_LIMIT_H
#define JETON_DAEMON_BASE_LOG_LIMIT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { LOG_LIMIT_MORE = 64 }; /* bytes */

/* All zeros: nothing was logged yet. */
struct log_limit {
    _Atomic int64_t until; /* clock_seconds(); nothing is logged before */
    _Atomic uint64_t suppressed;
};

/* True, once in ten seconds, if the message is to be logged; `more` is then to be put at its end:
 * how often it was not logged since the last time, or nothing. */
bool log_limit_passes(struct log_limit *limit, char more[LOG_LIMIT_MORE]);

#endif
