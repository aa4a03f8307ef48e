/* SPDX-License-Identifier: Apache-2.0 */
/* A table of checks, one for each claim, in the order in which their reasons take precedence:
 * issuer and audience, which never change, then the times, then what the identity is made of.
 *
 * Claims that an identity cannot hold are refused, not truncated: an issuer or a subject that is
 * too long, more than 32 scopes.  Scopes are left out instead, as that grants nothing: one that
 * is not a valid scope word of jetond's ("read?x=1") cannot be requested either.  Of an id that is
 * too long the digest is taken, because it names the JWT: see credential_id.h. */
#include "daemon/verifiers/jwt/claims.h"

#include <stdio.h>
#include <strings.h>

#include "daemon/verifiers/credential_id.h"
#include "daemon/verifiers/jwt/compact.h"
#include "daemon/verifiers/untrusted_json.h"
#include "proto/limits.h"
#include "proto/scopes.h"

enum { RETRY_MAX = 365 * 86400 }; /* seconds: the limit of verifier.h */

struct claims_context {
    const struct jwt_policy *policy;
    const json_t *header;
    const json_t *claims;
    const struct jeton_question *question;
    struct jeton_answer *answer;
};

/* Return NULL if the claim is acceptable; else set the reason, and return the message. */
typedef const char *claim_check(const struct claims_context *c, enum jeton_reason *reason);

static claim_check check_issuer, check_audience, check_typ, check_exp, check_nbf, check_iat,
    check_subject, check_id, check_scopes, narrow_identity;

static claim_check *const checks[] = {
    check_issuer, check_audience, check_typ, check_exp,    check_nbf,
    check_iat,    check_subject,  check_id,  check_scopes, narrow_identity,
};

int jwt_claims_verify(const struct jwt_policy *policy, const json_t *header, const json_t *claims,
                      const struct jeton_question *question, struct jeton_answer *answer)
{
    const struct claims_context c = { policy, header, claims, question, answer };

    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        enum jeton_reason reason = JETON_REASON_DENIED;
        const char *message = checks[i](&c, &reason);
        if (message != NULL)
            return jwt_answer_fail(answer, reason, message);
    }
    answer->has_identity = 1;
    return JETON_VERIFIER_PASS;
}

int jwt_answer_fail(struct jeton_answer *answer, enum jeton_reason reason, const char *message)
{
    answer->reason = (int32_t)reason;
    snprintf(answer->message, sizeof(answer->message), "%s", message);
    return JETON_VERIFIER_FAIL;
}

static const char *malformed(enum jeton_reason *reason)
{
    *reason = JETON_REASON_MALFORMED;
    return "this JWT has a claim of a wrong type or out of range";
}

/* -- issuer, audience, type -------------------------------------------------------------------- */

static bool is_listed(const struct argument_list *list, struct slice text)
{
    for (size_t i = 0; i < list->count; i++)
        if (slice_is(text, list->text[i]))
            return true;
    return false;
}

static bool accepts_any(const struct argument_list *list)
{
    return list->count == 1 && strcmp(list->text[0], "*") == 0;
}

/* Copy a text.  False: it has control characters, or does not fit. */
static bool copy_text(struct slice text, char *to, size_t size)
{
    if (text.len >= size || !credential_text_is_printable(text))
        return false;
    if (text.len > 0)
        memcpy(to, text.at, text.len);
    to[text.len] = '\0';
    return true;
}

static const char *check_issuer(const struct claims_context *c, enum jeton_reason *reason)
{
    const json_t *iss = json_object_get(c->claims, "iss");
    struct slice issuer = untrusted_json_string(iss);

    if (iss != NULL && !json_is_string(iss))
        return malformed(reason);
    if (!accepts_any(&c->policy->issuers) &&
        (iss == NULL || !is_listed(&c->policy->issuers, issuer)))
        return "this JWT is from an issuer that is not accepted here";
    if (!copy_text(issuer, c->answer->identity.issuer, SUBJECT_MAX + 1))
        return "this JWT's issuer is longer than 256 bytes or has control characters";
    return NULL;
}

static const char *check_audience(const struct claims_context *c, enum jeton_reason *reason)
{
    const json_t *aud = json_object_get(c->claims, "aud");
    bool ours = accepts_any(&c->policy->audiences) ||
                (json_is_string(aud) &&
                 is_listed(&c->policy->audiences, untrusted_json_string(aud)));

    if (aud != NULL && !json_is_string(aud) && !json_is_array(aud))
        return malformed(reason);
    for (size_t i = 0; i < json_array_size(aud); i++) {
        const json_t *one = json_array_get(aud, i);
        if (!json_is_string(one))
            return malformed(reason);
        ours = ours || is_listed(&c->policy->audiences, untrusted_json_string(one));
    }
    return ours ? NULL : "this JWT is for another audience";
}

/* Drop "application/", which may be left out of a typ (RFC 7515, 4.1.9). */
static const char *media_subtype(const char *type)
{
    static const char prefix[] = "application/";

    return strncasecmp(type, prefix, sizeof(prefix) - 1) == 0 ? type + sizeof(prefix) - 1 : type;
}

static const char *check_typ(const struct claims_context *c, enum jeton_reason *reason)
{
    const char *typ = json_string_value(json_object_get(c->header, "typ"));

    (void)reason;
    if (c->policy->typ == NULL ||
        (typ != NULL && strcasecmp(media_subtype(typ), media_subtype(c->policy->typ)) == 0))
        return NULL;
    return "this JWT is not of the type that is accepted here";
}

/* -- times ------------------------------------------------------------------------------------- */

static const char *check_exp(const struct claims_context *c, enum jeton_reason *reason)
{
    const json_t *exp = json_object_get(c->claims, "exp");
    int64_t end;

    if (exp == NULL && c->policy->require_exp)
        return "this JWT has no expiration time (exp), which is required here";
    if (exp == NULL)
        return NULL;
    if (!untrusted_json_numeric_date(exp, false, &end))
        return malformed(reason);
    c->answer->identity.expires = end;
    c->answer->identity.leeway = c->policy->leeway;
    if (c->question->now < end + c->policy->leeway)
        return NULL;
    *reason = JETON_REASON_EXPIRED;
    return "this JWT has expired";
}

static const char *check_nbf(const struct claims_context *c, enum jeton_reason *reason)
{
    const json_t *nbf = json_object_get(c->claims, "nbf");
    int64_t begin;

    if (nbf == NULL)
        return NULL;
    if (!untrusted_json_numeric_date(nbf, true, &begin))
        return malformed(reason);
    begin -= c->policy->leeway;
    if (c->question->now >= begin)
        return NULL;
    /* Unsigned: now may be anything below begin, and the difference too large for an int64_t. */
    uint64_t ahead = (uint64_t)begin - (uint64_t)c->question->now;
    c->answer->retry_after = ahead > RETRY_MAX ? RETRY_MAX : (int64_t)ahead;
    *reason = JETON_REASON_PENDING;
    return "this JWT is not valid yet";
}

/* Check iat, which decides nothing (RFC 7519, 4.1.6), but must be a NumericDate. */
static const char *check_iat(const struct claims_context *c, enum jeton_reason *reason)
{
    const json_t *iat = json_object_get(c->claims, "iat");
    int64_t issued;

    return iat == NULL || untrusted_json_numeric_date(iat, false, &issued) ? NULL :
                                                                             malformed(reason);
}

/* -- identity ---------------------------------------------------------------------------------- */

static const char *check_subject(const struct claims_context *c, enum jeton_reason *reason)
{
    const json_t *subject = json_object_get(c->claims, c->policy->subject_claim);

    if (subject != NULL && !json_is_string(subject))
        return malformed(reason);
    if (!copy_text(untrusted_json_string(subject), c->answer->identity.subject, SUBJECT_MAX + 1))
        return "this JWT's subject is longer than 256 bytes or has control characters";
    return NULL;
}

static const char *check_id(const struct claims_context *c, enum jeton_reason *reason)
{
    const json_t *id = json_object_get(c->claims, c->policy->id_claim);

    if (id != NULL && !json_is_string(id))
        return malformed(reason);
    credential_id_write(untrusted_json_string(id), false, c->answer->identity.id);
    return NULL;
}

static void add_word(struct text *list, struct slice word)
{
    if (word.len == 0 || memchr(word.at, ',', word.len) != NULL || scopes_fault(word) != NULL)
        return;
    text_adds(list, list->len > 0 ? "," : "");
    text_add(list, word.at, word.len);
}

static void add_words(struct text *list, struct slice words)
{
    while (words.len > 0) {
        const char *space = memchr(words.at, ' ', words.len);
        size_t len = space != NULL ? (size_t)(space - words.at) : words.len;
        add_word(list, (struct slice){ words.at, len });
        len += space != NULL;
        words = (struct slice){ words.at + len, words.len - len };
    }
}

static const char *check_scopes(const struct claims_context *c, enum jeton_reason *reason)
{
    const json_t *scopes = json_object_get(c->claims, c->policy->scopes_claim);
    char words[JWT_COMPACT_MAX];
    struct text list = text_in(words, sizeof(words));
    struct text set = text_in(c->answer->identity.scopes, SCOPES_TEXT_MAX);

    if (scopes != NULL && !json_is_string(scopes) && !json_is_array(scopes))
        return malformed(reason);
    add_words(&list, untrusted_json_string(scopes));
    for (size_t i = 0; i < json_array_size(scopes); i++) {
        const json_t *one = json_array_get(scopes, i);
        if (!json_is_string(one))
            return malformed(reason);
        add_word(&list, untrusted_json_string(one));
    }
    if (list.cut || scopes_normalise(text_slice(&list), &set) != NULL)
        return "this JWT has more than 32 scopes";
    set.at[set.len] = '\0';
    return NULL;
}

/* -- an earlier verifier's identity ------------------------------------------------------------ */

static void intersect_scopes(const char *earlier, char scopes[SCOPES_TEXT_MAX + 1])
{
    char ours[SCOPES_TEXT_MAX + 1];
    struct text list = text_in(scopes, SCOPES_TEXT_MAX);

    snprintf(ours, sizeof(ours), "%s", scopes);
    for (char *rest = ours, *word; (word = strsep(&rest, ",")) != NULL;)
        if (word[0] != '\0' && scopes_include(slice_of(earlier), slice_of(word))) {
            text_adds(&list, list.len > 0 ? "," : "");
            text_adds(&list, word);
        }
    scopes[list.len] = '\0';
}

/* Keep the earlier identity, and narrow its scopes and its lifetime. */
static const char *narrow_identity(const struct claims_context *c, enum jeton_reason *reason)
{
    const struct jeton_identity *earlier = c->question->identity;
    struct jeton_identity *ours = &c->answer->identity;

    (void)reason;
    if (earlier == NULL)
        return NULL;
    if (ours->subject[0] != '\0' && earlier->subject[0] != '\0' &&
        strcmp(ours->subject, earlier->subject) != 0)
        return "this JWT is for somebody else than the identity that another verifier found";
    struct jeton_identity narrowed = *earlier;
    if (ours->expires < narrowed.expires) {
        narrowed.expires = ours->expires;
        narrowed.leeway = ours->leeway;
    }
    memcpy(narrowed.scopes, ours->scopes, sizeof(narrowed.scopes));
    intersect_scopes(earlier->scopes, narrowed.scopes);
    credential_id_add(&narrowed, ours);
    *ours = narrowed;
    return NULL;
}
