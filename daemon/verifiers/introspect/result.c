/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verifiers/introspect/result.h"

#include <stdarg.h>
#include <stdio.h>

#include "proto/limits.h"
#include "proto/scopes.h"

enum { YEAR = 365 * 86400 };

void result_set(struct result *j, enum jeton_outcome outcome, enum jeton_reason reason,
                const char *said)
{
    *j = (struct result){
        .outcome = outcome, .reason = reason, .said = said, .from = INT64_MIN, .to = INT64_MAX
    };
    j->identity.expires = JETON_VERIFIER_NEVER;
}

void result_error(struct result *j, const char *format, ...)
{
    va_list arguments;

    result_set(j, JETON_VERIFIER_ERROR, 0, NULL);
    va_start(arguments, format);
    vsnprintf(j->message, sizeof(j->message), format, arguments);
    va_end(arguments);
    /* Part of it may be libcurl's, which quotes certificates. */
    for (char *c = j->message; *c != '\0'; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
}

bool result_holds(const struct result *j, int64_t now)
{
    return j->from <= now && now < j->to;
}

/* The scopes that both have. */
static void common_scopes(char *scopes, size_t room, const char *had, const char *ours)
{
    struct slice rest = slice_of(had);
    struct text out = text_in(scopes, room - 1);

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

/* A value that stands for one subject here and for another there is nobody's. */
static int narrow(const struct jeton_identity *ours, const struct jeton_identity *had,
                  struct jeton_answer *a)
{
    if (ours->subject[0] != '\0' && had->subject[0] != '\0' &&
        strcmp(ours->subject, had->subject) != 0) {
        a->reason = JETON_REASON_SUBJECT;
        return JETON_VERIFIER_FAIL;
    }
    a->identity = *had;
    if (ours->expires < had->expires)
        a->identity.expires = ours->expires;
    common_scopes(a->identity.scopes, sizeof(a->identity.scopes), had->scopes, ours->scopes);
    a->has_identity = 1;
    return JETON_VERIFIER_PASS;
}

static int result_pass(const struct result *j, const struct jeton_question *q,
                       struct jeton_answer *a)
{
    if (q->identity != NULL)
        return narrow(&j->identity, q->identity, a);
    a->identity = j->identity;
    a->has_identity = 1;
    return JETON_VERIFIER_PASS;
}

static int result_fail(const struct result *j, const struct jeton_question *q,
                       struct jeton_answer *a)
{
    a->reason = (int32_t)j->reason;
    if (j->said != NULL)
        snprintf(a->message, sizeof(a->message), "%s", j->said);
    if (j->reason == JETON_REASON_PENDING) /* it stands until then */
        a->retry_after = j->to - q->now < YEAR ? j->to - q->now : YEAR;
    return JETON_VERIFIER_FAIL;
}

int result_answer(const struct result *j, const struct jeton_question *q, struct jeton_answer *a)
{
    if (j->outcome == JETON_VERIFIER_PASS)
        return result_pass(j, q, a);
    if (j->outcome == JETON_VERIFIER_FAIL)
        return result_fail(j, q, a);
    snprintf(a->message, sizeof(a->message), "%s", j->message);
    return JETON_VERIFIER_ERROR;
}
