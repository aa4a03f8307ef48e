/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/lib/query.h"

#include <string.h>

#include "plugin/lib/claims.h"
#include "plugin/lib/verify_line.h"
#include "proto/scopes.h"

static void on_verdict(void *context, struct connection_reply *reply);

bool query_read(struct question *q, const void *value, size_t length, const char *scopes,
                const char *subject, struct jeton_claims *claims)
{
    if (claims != NULL && claims->size < sizeof(*claims))
        return false;
    *q = (struct question){ .value = { value, length } };
    if (scopes != NULL)
        q->scopes = slice_of(scopes);
    if (subject != NULL)
        q->subject = slice_of(subject);
    if ((value != NULL || length == 0) && q->subject.len <= SUBJECT_MAX &&
        (scopes == NULL || (q->scopes.len > 0 && scopes_fault(q->scopes) == NULL)))
        return true;
    if (claims != NULL)
        claims_clear(claims);
    return false;
}

bool query_send(struct query *query, struct connection *connection, const char *service,
                const struct question *q, int64_t deadline)
{
    struct text line = text_in(connection->line, sizeof(connection->line));

    verify_line_write(&line, service, q);
    if (line.cut)
        query->status = JETON_MALFORMED; /* no store has a value that no line can hold */
    bool queued = !line.cut && connection_enqueue(connection, text_slice(&line), false, on_verdict,
                                                  query, deadline);
    explicit_bzero(connection->line, line.len);
    return queued;
}

/* A function of its own, so that what it has on the stack is free again when `done` runs. */
static __attribute__((noinline)) enum jeton_status read_verdict(
    const struct query *query, const struct connection_reply *reply)
{
    struct jeton_claims scratch, *claims = query->claims != NULL ? query->claims : &scratch;

    return verify_line_read(reply->received ? reply->line : NULL, reply->status, query->digest,
                            claims);
}

/* Free the query for another question before `done` runs, since `done` may start one. */
static void on_verdict(void *context, struct connection_reply *reply)
{
    struct query *query = context;
    jeton_done *done = query->done;
    void *caller_context = query->context;
    enum jeton_status status = read_verdict(query, reply);

    query->received = reply->received;
    query->status = status;
    query->pending = false;
    if (done != NULL)
        done(caller_context, status);
}
