/* SPDX-License-Identifier: Apache-2.0 */
/* A response is accepted as a whole or not at all: a member that is used, but does not have the
 * type or form that RFC 7662 defines, makes the result an error, whatever the other members are.
 * Except for jti, which is only a name for logs. */
#include "daemon/verifiers/introspect/response.h"

#include "daemon/verifiers/credential_id.h"
#include "daemon/verifiers/untrusted_json.h"
#include "proto/limits.h"
#include "proto/scopes.h"
#include "proto/stamp.h"

enum { ID_SECRET_MIN = 16 }; /* bytes of the value in a jti that must not be logged */

static const char *parse(struct slice body, json_t **response);
static const char *evaluate(const json_t *response, const struct options *o, struct slice value,
                            int64_t now, struct result *r);
static const char *evaluate_active(const json_t *response, const struct options *o,
                                   struct slice value, int64_t now, struct result *r);
static const char *read_texts(const json_t *response, const struct options *o,
                              struct jeton_identity *identity);
static const char *read_scopes(const json_t *response, char *scopes, size_t size);
static const char *read_times(const json_t *response, int64_t *nbf, int64_t *exp);
static const char *read_audience(const json_t *response, const struct options *o, bool *ours);
static void set_id(const json_t *response, struct slice value, struct jeton_identity *identity);

void response_evaluate(struct slice body, const struct options *o, struct slice value, int64_t now,
                       struct result *r)
{
    json_t *response = NULL;
    const char *fault = parse(body, &response);

    if (fault == NULL)
        fault = evaluate(response, o, value, now, r);
    if (fault != NULL)
        result_error(r, "the server's answer cannot be used: %s", fault);
    json_decref(response);
}

static const char *parse(struct slice body, json_t **response)
{
    static const char *const faults[] = {
        [UNTRUSTED_JSON_INVALID] = "it is not JSON, not an object, or nested deeper than 16 levels",
        [UNTRUSTED_JSON_DUPLICATE] = "it has a member twice",
        [UNTRUSTED_JSON_NO_MEMORY] = "out of memory",
    };

    return faults[untrusted_json_parse(body, response)];
}

static const char *evaluate(const json_t *response, const struct options *o, struct slice value,
                            int64_t now, struct result *r)
{
    const json_t *active = json_object_get(response, "active");

    if (active == NULL)
        return "active is missing";
    if (!json_is_boolean(active))
        return "active is not true or false";
    if (json_is_true(active))
        return evaluate_active(response, o, value, now, r);
    result_set(r, JETON_VERIFIER_FAIL, JETON_REASON_UNKNOWN, NULL);
    return NULL;
}

static void evaluate_times(struct result *r, int64_t nbf, int64_t exp, int64_t now)
{
    if (now >= exp) {
        result_set(r, JETON_VERIFIER_FAIL, JETON_REASON_EXPIRED, NULL);
        r->valid_from = exp;
    } else if (now < nbf) {
        result_set(r, JETON_VERIFIER_FAIL, JETON_REASON_PENDING, NULL);
        r->valid_until = nbf;
    } else {
        r->valid_from = nbf;
        r->valid_until = exp;
    }
}

static const char *evaluate_active(const json_t *response, const struct options *o,
                                   struct slice value, int64_t now, struct result *r)
{
    int64_t nbf, exp;
    bool ours;

    result_set(r, JETON_VERIFIER_PASS, 0, NULL);
    const char *fault = read_texts(response, o, &r->identity);
    if (fault == NULL)
        fault = read_scopes(response, r->identity.scopes, sizeof(r->identity.scopes));
    if (fault == NULL)
        fault = read_times(response, &nbf, &exp);
    if (fault == NULL)
        fault = read_audience(response, o, &ours);
    if (fault != NULL)
        return fault;
    r->identity.expires = exp;
    set_id(response, value, &r->identity);
    if (o->issuer != NULL && strcmp(r->identity.issuer, o->issuer) != 0)
        result_set(r, JETON_VERIFIER_FAIL, JETON_REASON_DENIED,
                   "it is from an issuer that is not accepted here");
    else if (!ours)
        result_set(r, JETON_VERIFIER_FAIL, JETON_REASON_DENIED, "it is for another audience");
    else
        evaluate_times(r, nbf, exp, now);
    return NULL;
}

/* Read a string of at most SUBJECT_MAX bytes; "" if it is missing.  False: it is anything else. */
static bool read_text(const json_t *response, const char *member, char *to)
{
    const json_t *string = json_object_get(response, member);
    struct slice text = untrusted_json_string(string);

    if (string == NULL)
        return true;
    if (!json_is_string(string) || text.len > SUBJECT_MAX || !credential_text_is_printable(text))
        return false;
    memcpy(to, text.at, text.len + 1);
    return true;
}

static const char *read_texts(const json_t *response, const struct options *o,
                              struct jeton_identity *identity)
{
    if (!read_text(response, o->subject_claim, identity->subject))
        return "the subject is not a string of at most 256 bytes without control characters";
    if (!read_text(response, "iss", identity->issuer))
        return "iss is not a string of at most 256 bytes without control characters";
    return NULL;
}

/* Take the jti as the id; or its digest, if it discloses the value: some servers of opaque tokens
 * repeat the token in it, or much of it. */
static void set_id(const json_t *response, struct slice value, struct jeton_identity *identity)
{
    struct slice jti = untrusted_json_string(json_object_get(response, "jti"));
    bool discloses = jti.len > 0 && (memmem(jti.at, jti.len, value.at, value.len) != NULL ||
                                     (jti.len >= ID_SECRET_MIN &&
                                      memmem(value.at, value.len, jti.at, jti.len) != NULL));

    credential_id_write(jti, discloses, identity->id);
}

/* Add a scope; leave out one that is not a valid scope word of jetond's, as it cannot be
 * requested. */
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

static const char *read_scopes(const json_t *response, char *scopes, size_t size)
{
    const json_t *scope = json_object_get(response, "scope");
    struct text out = text_in(scopes, size - 1);
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
    return NULL; /* the buffer was zeroed, so the text is terminated */
}

/* Read a time, which RFC 7662 defines as an integer of seconds; `missing` if there is none. */
static bool read_time(const json_t *response, const char *member, int64_t missing, int64_t *time)
{
    const json_t *number = json_object_get(response, member);

    *time = number != NULL ? json_integer_value(number) : missing;
    return number == NULL || (json_is_integer(number) && *time >= 0 && *time <= STAMP_MAX);
}

static const char *read_times(const json_t *response, int64_t *nbf, int64_t *exp)
{
    if (!read_time(response, "exp", JETON_VERIFIER_NEVER, exp))
        return "exp is not a whole number of seconds from 1970 to 9999";
    if (!read_time(response, "nbf", INT64_MIN, nbf))
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

/* Compare aud, which is a string or a list of strings, with audience=. */
static const char *read_audience(const json_t *response, const struct options *o, bool *ours)
{
    const json_t *aud = json_object_get(response, "aud");
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
