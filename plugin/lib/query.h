/* SPDX-License-Identifier: Apache-2.0 */
/* A question that the daemon is asked, from the caller's arguments to the caller's claims.
 * The thread that owns the link. */
#ifndef JETON_PLUGIN_LIB_QUERY_H
#define JETON_PLUGIN_LIB_QUERY_H

#include "plugin/lib/jeton.h"
#include "plugin/lib/connection.h"
#include "proto/verdict.h"

struct query {
    bool waits; /* of the non-blocking calls, and not answered yet */
    bool received;
    enum jeton_status status;
    struct jeton_claims *claims;
    jeton_done *done; /* NULL: nobody is told */
    void *context;
    uint8_t digest[DIGEST_SIZE];
};

/* Reads what a caller asks; false if it cannot be asked (JETON_INVALID): the claims are empty. */
bool query_read(struct question *q, const void *value, size_t length, const char *scopes,
                const char *subject, struct jeton_claims *claims);

/* Puts the question to the daemon; false if there is no room.  `query` has its digest, claims and
 * `done`; received, status and the claims are set when the answer comes or the link is dropped,
 * and then `done` is called.  It must live until then. */
bool query_send(struct query *query, struct connection *link, const char *service,
                const struct question *q, int64_t deadline);

#endif
