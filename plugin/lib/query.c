/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/lib/query.h"

#include <sodium.h>

#include "plugin/lib/claims.h"
#include "plugin/lib/status_text.h"
#include "proto/scopes.h"
#include "proto/stamp.h"

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

/* Add a key with any bytes as a quoted value, which need not be UTF-8. */
static void put_bytes(struct text *t, const char *key, struct slice bytes)
{
    text_addc(t, ' ');
    text_adds(t, key);
    text_adds(t, "=\"");
    for (size_t i = 0; i < bytes.len; i++) {
        char c = bytes.at[i];
        if (c >= 0x20 && c <= 0x7e && c != '"' && c != '\\') {
            text_addc(t, c);
        } else {
            text_adds(t, "\\x");
            text_add_hex(t, (const uint8_t *)&c, 1);
        }
    }
    text_addc(t, '"');
}

bool query_send(struct query *query, struct connection *connection, const char *service,
                const struct question *q, int64_t deadline)
{
    struct text line = text_in(connection->line, sizeof(connection->line));

    text_adds(&line, "verify");
    if (service[0] != '\0')
        line_puts(&line, "service", service);
    if (q->scopes.len > 0)
        line_put(&line, "scope", q->scopes);
    if (q->subject.at != NULL)
        put_bytes(&line, "subject", q->subject);
    put_bytes(&line, "token", q->value);
    text_addc(&line, '\n');
    if (line.cut)
        query->status = JETON_MALFORMED; /* no store has a value that no line can hold */
    bool queued = !line.cut && connection_enqueue(connection, text_slice(&line), false, on_verdict,
                                                  query, deadline);
    sodium_memzero(connection->line, line.len);
    return queued;
}

/* Fill the claims from an OK line.  Return false if it is not to be trusted: a pass must name its
 * token and its verifier, and one by the daemon's own table must be for the value that was sent. */
static bool read_pass(const struct query *query, const struct line *line, struct jeton_claims *c)
{
    struct slice id = line_get(line, "id"), verifier = line_get(line, "verifier");
    struct slice expires = line_get(line, "expires"), of_value = line_get(line, "sent");
    char sent[ID_TEXT + 1];

    claims_format_id(sent, query->digest);
    if (of_value.at == NULL)
        of_value = id;
    c->expires = JETON_NEVER;
    return id.len > 0 && claims_set_text(c->id, sizeof(c->id), id) && verifier.len > 0 &&
           claims_set_text(c->verifier, sizeof(c->verifier), verifier) &&
           (!slice_is(verifier, "local") || slice_is(of_value, sent)) &&
           claims_set_text(c->subject, sizeof(c->subject), line_get(line, "subject")) &&
           claims_set_text(c->scopes, sizeof(c->scopes), line_get(line, "scopes")) &&
           (expires.at == NULL || stamp_parse(expires, &c->expires));
}

static enum jeton_status read_verdict(const struct query *query,
                                      const struct connection_reply *reply)
{
    struct jeton_claims scratch, *c = query->claims != NULL ? query->claims : &scratch;
    uint64_t retry_after;

    claims_clear(c);
    if (!reply->received)
        return JETON_UNAVAILABLE;
    if (reply->status == STATUS_OK && !read_pass(query, reply->line, c)) {
        claims_clear(c);
        return JETON_UNAVAILABLE;
    }
    if (reply->status != STATUS_OK &&
        !claims_set_text(c->id, sizeof(c->id), line_get(reply->line, "id")))
        c->id[0] = '\0';
    if (status_row(reply->status)->kind == ANSWER_NO &&
        number_parse(line_get(reply->line, "retry_after"), INT64_MAX, &retry_after))
        c->retry_after = (int64_t)retry_after;
    enum jeton_status status = status_text_public(reply->status);
    if (status < JETON_UNAVAILABLE)
        c->source = JETON_DAEMON;
    return status;
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
