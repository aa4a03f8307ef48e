/* SPDX-License-Identifier: Apache-2.0 */
/* Questions about one value that come while the server is being asked about it wait for that
 * answer, errors included, instead of asking again. */
#ifndef JETON_DAEMON_VERIFIERS_INTROSPECT_SINGLE_FLIGHT_H
#define JETON_DAEMON_VERIFIERS_INTROSPECT_SINGLE_FLIGHT_H

#include "daemon/verifiers/introspect/cache.h"

struct flights;

/* A question under way; lives on its asker's stack. */
struct flight {
    uint8_t key[CACHE_KEY];
    const struct result *result; /* NULL: not landed */
    size_t waiting;
    struct flight *next;
};

enum single_flight_role {
    SINGLE_FLIGHT_LEADER, /* ask, then call single_flight_finish() */
    SINGLE_FLIGHT_SHARED, /* another's answer, which was asked before this one's question, is in *j */
    SINGLE_FLIGHT_TIMEOUT, /* it did not come before the deadline */
};

struct flights *single_flight_new(void); /* NULL: no memory */
void single_flight_free(struct flights *f);

enum single_flight_role single_flight_join(struct flights *f, struct flight *mine,
                                           const uint8_t key[CACHE_KEY], int64_t deadline,
                                           struct result *j);
void single_flight_finish(struct flights *f, struct flight *mine, const struct result *result);

#endif
