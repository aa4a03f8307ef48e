/* SPDX-License-Identifier: Apache-2.0 */
/* One verification over the socket, from the caller's arguments to the caller's claims.  Owned by
 * the thread that owns the connection. */
#ifndef JETON_PLUGIN_LIB_QUERY_H
#define JETON_PLUGIN_LIB_QUERY_H

#include "plugin/lib/connection.h"
#include "plugin/lib/jeton.h"
#include "proto/verdict.h"

struct query {
    bool pending;  /* a non-blocking call that is not answered yet */
    bool received; /* a reply was received */
    enum jeton_status status;
    struct jeton_claims *claims;
    jeton_done *done; /* or NULL */
    void *context;
    uint8_t digest[DIGEST_SIZE];
};

/* Read the arguments of a public function.  The question points into them.  If they are wrong
 * (JETON_INVALID), return false, with empty claims. */
bool query_read(struct question *q, const void *value, size_t length, const char *scopes,
                const char *subject, struct jeton_claims *claims);

/* Queue the question on a connection.  The caller has set the digest, claims, `done` and context.
 * Set received, status and the claims when the reply comes or the connection closes, and then call
 * `done`; the query must live until then.  Return false if the connection is full, or if no line
 * can hold the question (then the status is set). */
bool query_send(struct query *query, struct connection *connection, const char *service,
                const struct question *q, int64_t deadline);

#endif
