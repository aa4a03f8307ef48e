/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verifiers/introspect/result.h"

#include <stdarg.h>
#include <stdio.h>

#include "daemon/verifiers/credential_id.h"
#include "proto/limits.h"
#include "proto/scopes.h"

enum { YEAR = 365 * 86400 };

void result_set(struct result *r, enum jeton_outcome outcome, enum jeton_reason reason,
                const char *client_message)
{
    *r = (struct result){ .outcome = outcome,
                          .reason = reason,
                          .client_message = client_message,
                          .valid_from = INT64_MIN,
                          .valid_until = INT64_MAX };
    r->identity.expires = JETON_VERIFIER_NEVER;
}

void result_error(struct result *r, const char *format, ...)
{
    va_list arguments;

    result_set(r, JETON_VERIFIER_ERROR, 0, NULL);
    va_start(arguments, format);
    vsnprintf(r->log_message, sizeof(r->log_message), format, arguments);
    va_end(arguments);
    /* Part of it may be text of libcurl's, which quotes certificates. */
    for (char *c = r->log_message; *c != '\0'; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
}

bool result_is_valid(const struct result *r, int64_t now)
{
    return r->valid_from <= now && now < r->valid_until;
}

/* Write the scopes that both have. */
static void intersect_scopes(char *scopes, size_t size, const char *earlier, const char *ours)
{
    struct slice rest = slice_of(earlier);
    struct text out = text_in(scopes, size - 1);

    while (rest.len > 0) {
        const char *comma = memchr(rest.at, ',', rest.len);
        struct slice word = { rest.at, comma != NULL ? (size_t)(comma - rest.at) : rest.len };
        size_t taken = word.len + (comma != NULL);
        rest = (struct slice){ rest.at + taken, rest.len - taken };
        if (word.len == 0 || !scopes_include(slice_of(ours), word))
            continue;
        if (out.len > 0)
            text_addc(&out, ',');
        text_add(&out, word.at, word.len);
    }
    scopes[out.len] = '\0';
}

/* Keep the earlier identity, and narrow it; fail if the two have different subjects. */
static int narrow_identity(const struct jeton_identity *ours, const struct jeton_identity *earlier,
                           struct jeton_answer *a)
{
    if (ours->subject[0] != '\0' && earlier->subject[0] != '\0' &&
        strcmp(ours->subject, earlier->subject) != 0) {
        a->reason = JETON_REASON_SUBJECT;
        return JETON_VERIFIER_FAIL;
    }
    a->identity = *earlier;
    if (ours->expires < earlier->expires) {
        a->identity.expires = ours->expires;
        a->identity.leeway = 0;
    }
    intersect_scopes(a->identity.scopes, sizeof(a->identity.scopes), earlier->scopes, ours->scopes);
    credential_id_add(&a->identity, ours);
    a->has_identity = 1;
    return JETON_VERIFIER_PASS;
}

static int result_pass(const struct result *r, const struct jeton_question *q,
                       struct jeton_answer *a)
{
    if (q->identity != NULL)
        return narrow_identity(&r->identity, q->identity, a);
    a->identity = r->identity;
    a->has_identity = 1;
    return JETON_VERIFIER_PASS;
}

static int result_fail(const struct result *r, const struct jeton_question *q,
                       struct jeton_answer *a)
{
    a->reason = (int32_t)r->reason;
    if (r->client_message != NULL)
        snprintf(a->message, sizeof(a->message), "%s", r->client_message);
    if (r->reason == JETON_REASON_PENDING) /* it is valid until nbf */
        a->retry_after = r->valid_until - q->now < YEAR ? r->valid_until - q->now : YEAR;
    return JETON_VERIFIER_FAIL;
}

int result_answer(const struct result *r, const struct jeton_question *q, struct jeton_answer *a)
{
    if (r->outcome == JETON_VERIFIER_PASS)
        return result_pass(r, q, a);
    if (r->outcome == JETON_VERIFIER_FAIL)
        return result_fail(r, q, a);
    snprintf(a->message, sizeof(a->message), "%s", r->log_message);
    return JETON_VERIFIER_ERROR;
}
