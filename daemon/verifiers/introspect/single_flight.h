/* SPDX-License-Identifier: Apache-2.0 */
/* Questions about one value that come while the server is being asked about it wait for that
 * answer, errors included, instead of asking again. */
#ifndef JETON_INTROSPECT_FLIGHT_H
#define JETON_INTROSPECT_FLIGHT_H

#include "daemon/verifiers/introspect/cache.h"

struct flights;

/* A question under way; lives on its asker's stack. */
struct flight {
    uint8_t key[CACHE_KEY];
    const struct judgement *result;     /* NULL: not landed */
    size_t waiting;
    struct flight *next;
};

enum flight_role {
    FLIGHT_LEADS,       /* ask, then call flight_land() */
    FLIGHT_TOLD,        /* another's answer, which was asked before this one's question, is in *j */
    FLIGHT_LATE,        /* it did not come before the deadline */
};

struct flights *flights_new(void);      /* NULL: no memory */
void flights_free(struct flights *f);

enum flight_role flight_board(struct flights *f, struct flight *mine,
                              const uint8_t key[CACHE_KEY], int64_t deadline,
                              struct judgement *j);
void flight_land(struct flights *f, struct flight *mine, const struct judgement *result);

#endif
