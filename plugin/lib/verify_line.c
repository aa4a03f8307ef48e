/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/lib/verify_line.h"

#include "plugin/lib/claims.h"
#include "plugin/lib/status_text.h"
#include "proto/stamp.h"

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

void verify_line_write(struct text *line, const char *service, const struct question *q)
{
    text_adds(line, "verify");
    if (service[0] != '\0')
        line_puts(line, "service", service);
    if (q->scopes.len > 0)
        line_put(line, "scope", q->scopes);
    if (q->subject.at != NULL)
        put_bytes(line, "subject", q->subject);
    put_bytes(line, "token", q->value);
    text_addc(line, '\n');
}

/* Fill the claims from an OK line.  Return false if it is not to be trusted: a pass must name its
 * token and its verifier, and one by the daemon's own table must be for the value that was sent. */
static bool read_pass(const struct line *line, const uint8_t digest[DIGEST_SIZE],
                      struct jeton_claims *c)
{
    struct slice id = line_get(line, "id"), verifier = line_get(line, "verifier");
    struct slice expires = line_get(line, "expires"), of_value = line_get(line, "sent");
    char sent[ID_TEXT + 1];

    claims_format_id(sent, digest);
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

enum jeton_status verify_line_read(const struct line *line, enum status status,
                                   const uint8_t digest[DIGEST_SIZE], struct jeton_claims *c)
{
    uint64_t retry_after;

    claims_clear(c);
    if (line == NULL)
        return JETON_UNAVAILABLE;
    if (status == STATUS_OK && !read_pass(line, digest, c)) {
        claims_clear(c);
        return JETON_UNAVAILABLE;
    }
    if (status != STATUS_OK && !claims_set_text(c->id, sizeof(c->id), line_get(line, "id")))
        c->id[0] = '\0';
    if (status_row(status)->kind == ANSWER_NO &&
        number_parse(line_get(line, "retry_after"), INT64_MAX, &retry_after))
        c->retry_after = (int64_t)retry_after;
    enum jeton_status answer = status_text_public(status);
    if (answer < JETON_UNAVAILABLE)
        c->source = JETON_DAEMON;
    return answer;
}
