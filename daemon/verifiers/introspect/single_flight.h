/* SPDX-License-Identifier: Apache-2.0 */
/* Share one introspection request among the threads that ask about the same value at the same
 * time.  The first one is the leader and sends the request; the others wait for its result, be it
 * an error, instead of sending the request again. */
#ifndef JETON_DAEMON_VERIFIERS_INTROSPECT_SINGLE_FLIGHT_H
#define JETON_DAEMON_VERIFIERS_INTROSPECT_SINGLE_FLIGHT_H

#include "daemon/verifiers/introspect/cache.h"

struct single_flight_group;

/* A request in flight; lives on the leader's stack. */
struct single_flight {
    uint8_t key[CACHE_KEY];
    const struct result *result; /* NULL: not finished */
    size_t waiting;              /* threads */
    struct single_flight *next;
};

enum single_flight_role {
    SINGLE_FLIGHT_LEADER,  /* send the request, then call single_flight_finish() */
    SINGLE_FLIGHT_SHARED,  /* *r is the leader's result, of a request sent before this call */
    SINGLE_FLIGHT_TIMEOUT, /* there was no result before the deadline */
};

struct single_flight_group *single_flight_new(void); /* NULL: out of memory */
void single_flight_free(struct single_flight_group *g);

/* Join the flight of this key, and wait for it; or start `flight`.  Deadline: CLOCK_MONOTONIC,
 * ns. */
enum single_flight_role single_flight_join(struct single_flight_group *g,
                                           struct single_flight *flight,
                                           const uint8_t key[CACHE_KEY], int64_t deadline,
                                           struct result *r);

/* Pass the leader's result to those that wait, and return when all of them have copied it. */
void single_flight_finish(struct single_flight_group *g, struct single_flight *flight,
                          const struct result *result);

#endif
