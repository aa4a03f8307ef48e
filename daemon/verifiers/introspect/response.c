/* SPDX-License-Identifier: Apache-2.0 */
/* An answer is believed whole or not at all: a member that is used and has not the type or the form
 * that RFC 7662 gives it makes the answer an error, whatever the others say.  Not so jti, which is
 * but a name. */
#include "daemon/verifiers/introspect/response.h"

#include <jansson.h>

#include "proto/limits.h"
#include "proto/scopes.h"
#include "proto/stamp.h"

enum { ID_SECRET_MIN = 16 }; /* bytes of the value in a jti that are too many for a log */

static const char *judge(const json_t *answer, const struct options *o, struct slice value,
                         int64_t now, struct result *j);
static const char *judge_active(const json_t *answer, const struct options *o, struct slice value,
                                int64_t now, struct result *j);
static const char *read_texts(const json_t *answer, const struct options *o,
                              struct jeton_identity *identity);
static const char *read_scopes(const json_t *answer, char *scopes, size_t room);
static const char *read_times(const json_t *answer, int64_t *nbf, int64_t *exp);
static const char *read_audience(const json_t *answer, const struct options *o, bool *ours);
static void name(const json_t *answer, struct slice value, struct jeton_identity *identity);

void response_judge(struct slice body, const struct options *o, struct slice value, int64_t now,
                    struct result *j)
{
    json_t *answer = json_loadb(body.at, body.len, JSON_REJECT_DUPLICATES, NULL);
    const char *fault = judge(answer, o, value, now, j);

    if (fault != NULL)
        result_error(j, "the server's answer cannot be used: %s", fault);
    json_decref(answer);
}

static const char *judge(const json_t *answer, const struct options *o, struct slice value,
                         int64_t now, struct result *j)
{
    const json_t *active = json_object_get(answer, "active");

    if (answer == NULL)
        return "it is not JSON, or names a member twice";
    if (!json_is_object(answer))
        return "it is not a JSON object";
    if (active == NULL)
        return "active is missing";
    if (!json_is_boolean(active))
        return "active is not true or false";
    if (json_is_true(active))
        return judge_active(answer, o, value, now, j);
    result_set(j, JETON_VERIFIER_FAIL, JETON_REASON_UNKNOWN, NULL);
    return NULL;
}

static void judge_time(struct result *j, int64_t nbf, int64_t exp, int64_t now)
{
    if (now >= exp) {
        result_set(j, JETON_VERIFIER_FAIL, JETON_REASON_EXPIRED, NULL);
        j->from = exp;
    } else if (now < nbf) {
        result_set(j, JETON_VERIFIER_FAIL, JETON_REASON_PENDING, NULL);
        j->to = nbf;
    } else {
        j->from = nbf;
        j->to = exp;
    }
}

static const char *judge_active(const json_t *answer, const struct options *o, struct slice value,
                                int64_t now, struct result *j)
{
    int64_t nbf, exp;
    bool ours;

    result_set(j, JETON_VERIFIER_PASS, 0, NULL);
    const char *fault = read_texts(answer, o, &j->identity);
    if (fault == NULL)
        fault = read_scopes(answer, j->identity.scopes, sizeof(j->identity.scopes));
    if (fault == NULL)
        fault = read_times(answer, &nbf, &exp);
    if (fault == NULL)
        fault = read_audience(answer, o, &ours);
    if (fault != NULL)
        return fault;
    j->identity.expires = exp;
    name(answer, value, &j->identity);
    if (o->issuer != NULL && strcmp(j->identity.issuer, o->issuer) != 0)
        result_set(j, JETON_VERIFIER_FAIL, JETON_REASON_DENIED, "not issued by whom it must be");
    else if (!ours)
        result_set(j, JETON_VERIFIER_FAIL, JETON_REASON_DENIED, "meant for another audience");
    else
        judge_time(j, nbf, exp, now);
    return NULL;
}

/* True if what jansson has read, which is valid UTF-8 without NUL, is free of control characters. */
static bool is_plain(const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++)
        if (*c < ' ' || *c == 0x7f || (*c == 0xc2 && c[1] < 0xa0))
            return false;
    return true;
}

/* A string of at most SUBJECT_MAX bytes, "" if it is missing; false if it is anything else. */
static bool read_text(const json_t *answer, const char *member, char *to)
{
    const json_t *text = json_object_get(answer, member);

    if (text == NULL)
        return true;
    if (!json_is_string(text) || json_string_length(text) > SUBJECT_MAX ||
        !is_plain(json_string_value(text)))
        return false;
    memcpy(to, json_string_value(text), json_string_length(text) + 1);
    return true;
}

static const char *read_texts(const json_t *answer, const struct options *o,
                              struct jeton_identity *identity)
{
    if (!read_text(answer, o->subject_claim, identity->subject))
        return "the subject is not a string of at most 256 bytes without control characters";
    if (!read_text(answer, "iss", identity->issuer))
        return "iss is not a string of at most 256 bytes without control characters";
    return NULL;
}

/* The name for logs.  Servers of opaque tokens are known that answer with the token itself: that,
 * and much of it, is no name. */
static void name(const json_t *answer, struct slice value, struct jeton_identity *identity)
{
    const char *jti = json_string_value(json_object_get(answer, "jti"));
    size_t length = jti != NULL ? strlen(jti) : 0;

    if (length == 0 || length >= sizeof(identity->id) || !is_plain(jti) ||
        memmem(jti, length, value.at, value.len) != NULL ||
        (length >= ID_SECRET_MIN && memmem(value.at, value.len, jti, length) != NULL))
        return;
    memcpy(identity->id, jti, length + 1);
}

/* Adds a word; nobody can ask jetond for one that is none of its words, so that is left out. */
static const char *add_scope(struct text *out, size_t *count, struct slice word)
{
    if (memchr(word.at, ',', word.len) != NULL || scopes_fault(word) != NULL ||
        scopes_include(text_slice(out), word))
        return NULL;
    if ((*count)++ == SCOPES_MAX)
        return "scope has more than 32 words";
    if (out->len > 0)
        text_addc(out, ',');
    text_add(out, word.at, word.len);
    return NULL;
}

static const char *read_scopes(const json_t *answer, char *scopes, size_t room)
{
    const json_t *scope = json_object_get(answer, "scope");
    struct text out = text_in(scopes, room - 1);
    size_t count = 0;

    if (scope == NULL)
        return NULL;
    if (!json_is_string(scope))
        return "scope is not a string";
    struct slice rest = slice_of(json_string_value(scope));
    while (rest.len > 0) {
        const char *space = memchr(rest.at, ' ', rest.len);
        struct slice word = { rest.at, space != NULL ? (size_t)(space - rest.at) : rest.len };
        size_t taken = word.len + (space != NULL);
        rest = (struct slice){ rest.at + taken, rest.len - taken };
        const char *fault = word.len > 0 ? add_scope(&out, &count, word) : NULL;
        if (fault != NULL)
            return fault;
    }
    return NULL; /* ended by the zeros that were there */
}

/* A number of seconds, whole as RFC 7662 has it, or `missing`. */
static bool read_time(const json_t *answer, const char *member, int64_t missing, int64_t *time)
{
    const json_t *number = json_object_get(answer, member);

    *time = number != NULL ? json_integer_value(number) : missing;
    return number == NULL || (json_is_integer(number) && *time >= 0 && *time <= STAMP_MAX);
}

static const char *read_times(const json_t *answer, int64_t *nbf, int64_t *exp)
{
    if (!read_time(answer, "exp", JETON_VERIFIER_NEVER, exp))
        return "exp is not a whole number of seconds from 1970 to 9999";
    if (!read_time(answer, "nbf", INT64_MIN, nbf))
        return "nbf is not a whole number of seconds from 1970 to 9999";
    return NULL;
}

static bool is_audience(const struct options *o, const json_t *aud)
{
    for (size_t i = 0; i < o->audiences; i++)
        if (strcmp(o->audience[i], json_string_value(aud)) == 0)
            return true;
    return o->audiences == 0;
}

/* A string, or a list of strings. */
static const char *read_audience(const json_t *answer, const struct options *o, bool *ours)
{
    const json_t *aud = json_object_get(answer, "aud");
    size_t count = json_is_array(aud) ? json_array_size(aud) : aud != NULL;

    *ours = o->audiences == 0;
    for (size_t i = 0; i < count; i++) {
        const json_t *one = json_is_array(aud) ? json_array_get(aud, i) : aud;
        if (!json_is_string(one))
            return "aud is not a string or a list of strings";
        *ours = *ours || is_audience(o, one);
    }
    return NULL;
}
