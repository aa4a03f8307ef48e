/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verify/answer.h"

#include <stdio.h>

#include "proto/line.h"
#include "proto/scopes.h"
#include "proto/token.h"

enum { RETRY_MAX = 366 * 86400, LEEWAY_MAX = 300 };

/* Precedes an identifier of others that looks like one of ours. */
static const char of_others[] = "other:";

static const enum status reasons[] = {
    [JETON_REASON_MALFORMED] = STATUS_MALFORMED, [JETON_REASON_UNKNOWN] = STATUS_UNKNOWN,
    [JETON_REASON_PENDING] = STATUS_PENDING,     [JETON_REASON_EXPIRED] = STATUS_EXPIRED,
    [JETON_REASON_DISABLED] = STATUS_DISABLED,   [JETON_REASON_REVOKED] = STATUS_REVOKED,
    [JETON_REASON_SCOPE] = STATUS_SCOPE,         [JETON_REASON_SUBJECT] = STATUS_SUBJECT,
    [JETON_REASON_DENIED] = STATUS_DENIED,
};

enum { REASONS = sizeof(reasons) / sizeof(reasons[0]) };

/* True for a text that ends within its array and can be part of a line. */
static bool is_text(const char *at, size_t size, size_t most)
{
    const char *why;
    size_t plain;
    size_t len = strnlen(at, size);

    return len < size && len <= most && memchr(at, '\t', len) == NULL &&
           line_check((struct slice){ at, len }, &plain, &why) == STATUS_OK;
}

static const char *identity_fault(const struct jeton_identity *who)
{
    if (!is_text(who->id, sizeof(who->id), sizeof(who->id) - 1))
        return "an identifier that is no text of at most 63 bytes";
    if (!is_text(who->subject, sizeof(who->subject), SUBJECT_MAX))
        return "a subject that is no text of at most 256 bytes";
    if (!is_text(who->issuer, sizeof(who->issuer), SUBJECT_MAX))
        return "an issuer that is no text of at most 256 bytes";
    if (strnlen(who->scopes, sizeof(who->scopes)) == sizeof(who->scopes))
        return "scopes without a NUL at their end";
    if (who->leeway < 0 || who->leeway > LEEWAY_MAX)
        return "a leeway that is not 0 to 300 seconds";
    return scopes_fault(slice_of(who->scopes)) != NULL ? "malformed scopes" : NULL;
}

/* Mark an identifier that has the form of a token's of ours, which it could be taken for. */
static void mark_id(char id[sizeof(((struct jeton_identity *)NULL)->id)])
{
    uint8_t bytes[ID_SIZE];

    if (!token_id_parse(slice_of(id), bytes))
        return;
    memmove(id + sizeof(of_others) - 1, id, ID_TEXT + 1);
    memcpy(id, of_others, sizeof(of_others) - 1);
}

static void order_scopes(char scopes[SCOPES_TEXT_MAX + 1])
{
    char given[SCOPES_TEXT_MAX + 1];
    struct text set = text_in(scopes, SCOPES_TEXT_MAX);

    snprintf(given, sizeof(given), "%s", scopes);
    scopes_normalise(slice_of(given), &set);
    set.at[set.len] = '\0';
}

/* Keep only the words of `scopes` that are in `known` too. */
static void narrow_scopes(char *scopes, const char *known)
{
    char *end = scopes;

    for (char *word = scopes; *word != '\0';) {
        size_t len = strcspn(word, ",");
        char *next = word + len + (word[len] == ',');
        if (scopes_include(slice_of(known), (struct slice){ word, len })) {
            if (end != scopes)
                *end++ = ',';
            memmove(end, word, len);
            end += len;
        }
        word = next;
    }
    *end = '\0';
}

/* Cut the identity of a later verifier down to what the earlier one allows.  Return a fault if it
 * is somebody else's. */
static const char *narrow(struct jeton_identity *who, const struct jeton_identity *known)
{
    char scopes[sizeof(who->scopes)];
    int64_t expires = who->expires, leeway = who->leeway;

    if (who->subject[0] != '\0' && strcmp(who->subject, known->subject) != 0)
        return "another subject than the verifier before it";
    if (who->issuer[0] != '\0' && known->issuer[0] != '\0' &&
        strcmp(who->issuer, known->issuer) != 0)
        return "another issuer than the verifier before it";
    memcpy(scopes, who->scopes, sizeof(scopes));
    narrow_scopes(scopes, known->scopes);
    *who = *known;
    memcpy(who->scopes, scopes, sizeof(scopes));
    if (expires < known->expires) {
        who->expires = expires;
        who->leeway = leeway;
    }
    return NULL;
}

/* Unsigned: the difference may be too large for an int64_t. */
static bool has_ended(const struct jeton_identity *who, int64_t now)
{
    return who->expires <= now && (uint64_t)now - (uint64_t)who->expires >= (uint64_t)who->leeway;
}

static const char *check_pass(struct jeton_answer *a, const struct jeton_identity *known,
                              int64_t now, struct verifier_result *result)
{
    const char *fault;

    result->identifies = a->has_identity != 0;
    if (a->has_identity == 0)
        return NULL;
    if (a->has_identity != 1)
        return "has_identity that is neither 0 nor 1";
    if ((fault = identity_fault(&a->identity)) != NULL)
        return fault;
    result->is_named = a->identity.id[0] != '\0';
    if (result->is_named)
        token_issued_digest(slice_of(a->identity.issuer), slice_of(a->identity.id), result->name);
    order_scopes(a->identity.scopes);
    mark_id(a->identity.id);
    if (known != NULL && (fault = narrow(&a->identity, known)) != NULL)
        return fault;
    if (!has_ended(&a->identity, now))
        return NULL;
    result->outcome = JETON_VERIFIER_FAIL;
    result->reason = STATUS_EXPIRED;
    result->identifies = false;
    return NULL;
}

static const char *check_fail(const struct jeton_answer *a, struct verifier_result *result)
{
    if (a->reason <= 0 || a->reason >= REASONS || reasons[a->reason] == STATUS_OK)
        return "a fail without a valid reason";
    if (a->retry_after < 0 || a->retry_after > RETRY_MAX)
        return "a time to wait that is not 0 to a year";
    if (!is_text(a->message, sizeof(a->message), sizeof(a->message)))
        return "a message that is no text";
    result->reason = reasons[a->reason];
    result->retry_after = a->retry_after;
    if (result->reason == STATUS_PENDING && a->retry_after == 0)
        result->retry_after = 1;
    snprintf(result->message, sizeof(result->message), "%s", a->message);
    return NULL;
}

const char *answer_check(int outcome, struct jeton_answer *a, const struct jeton_identity *known,
                         int64_t now, struct verifier_result *result)
{
    const char *fault = NULL;

    *result = (struct verifier_result){ .outcome = (enum jeton_outcome)outcome };
    switch (outcome) {
    case JETON_VERIFIER_PASS:
        fault = check_pass(a, known, now, result);
        break;
    case JETON_VERIFIER_FAIL:
        fault = check_fail(a, result);
        break;
    case JETON_VERIFIER_IGNORE:
        break;
    case JETON_VERIFIER_ERROR:
        if (!is_text(a->message, sizeof(a->message), sizeof(a->message)))
            a->message[0] = '\0';
        break;
    default:
        fault = "an outcome that is not defined";
    }
    if (fault != NULL)
        *result = (struct verifier_result){ .outcome = JETON_VERIFIER_ERROR };
    return fault;
}
