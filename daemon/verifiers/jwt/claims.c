/* SPDX-License-Identifier: Apache-2.0 */
/* Each claim is looked at by one row of a table, in the order in which reasons are given: who
 * issued it and for whom, which is for good, before when it is valid, before what it says.
 *
 * What the claims say and an identity cannot hold is refused, not trimmed into something else:
 * issuers and subjects that are too long, more than 32 scopes.  Two things are left out instead,
 * as nobody gains anything by it.  A scope that is no scope word of jetond's ("read?x=1") cannot be
 * asked for either, and without it the token can do less.  An id that is too long is only a name
 * in logs, and jetond makes another out of the value. */
#include "daemon/verifiers/jwt/claims.h"

#include <stdio.h>
#include <strings.h>

#include "daemon/verifiers/jwt/json.h"
#include "daemon/verifiers/jwt/compact.h"
#include "proto/limits.h"
#include "proto/scopes.h"

enum { RETRY_MAX = 365 * 86400 }; /* of the interface */

struct judging {
    const struct jwt_policy *policy;
    const json_t *header;
    const json_t *claims;
    const struct jeton_question *question;
    struct jeton_answer *answer;
};

/* NULL if it is as it should be; or the message, with the reason. */
typedef const char *claim_check(const struct judging *j, enum jeton_reason *reason);

static claim_check check_issuer, check_audience, check_typ, check_end, check_begin, check_issued,
    check_subject, check_id, check_scopes, check_earlier;

static claim_check *const checks[] = {
    check_issuer, check_audience, check_typ, check_end,    check_begin,
    check_issued, check_subject,  check_id,  check_scopes, check_earlier,
};

int jwt_claims_judge(const struct jwt_policy *policy, const json_t *header, const json_t *claims,
                     const struct jeton_question *question, struct jeton_answer *answer)
{
    const struct judging j = { policy, header, claims, question, answer };

    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        enum jeton_reason reason = JETON_REASON_DENIED;
        const char *message = checks[i](&j, &reason);
        if (message != NULL)
            return jwt_fail(answer, reason, message);
    }
    answer->has_identity = 1;
    return JETON_VERIFIER_PASS;
}

int jwt_fail(struct jeton_answer *answer, enum jeton_reason reason, const char *message)
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

/* -- who issued it, for whom ------------------------------------------------------------------- */

static bool is_listed(const struct argument_list *list, struct slice text)
{
    for (size_t i = 0; i < list->count; i++)
        if (slice_is(text, list->text[i]))
            return true;
    return false;
}

static bool takes_any(const struct argument_list *list)
{
    return list->count == 1 && strcmp(list->text[0], "*") == 0;
}

/* Copies a text that an identity can hold: no control characters, ASCII's or Latin-1's (jansson saw
 * to it that it is UTF-8).  False if it is another. */
static bool copy(struct slice text, char *to, size_t room)
{
    if (text.len >= room)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (c < 0x20 || c == 0x7f ||
            (c == 0xc2 && i + 1 < text.len && (unsigned char)text.at[i + 1] < 0xa0))
            return false;
    }
    if (text.len > 0)
        memcpy(to, text.at, text.len);
    to[text.len] = '\0';
    return true;
}

static const char *check_issuer(const struct judging *j, enum jeton_reason *reason)
{
    const json_t *iss = json_object_get(j->claims, "iss");
    struct slice issuer = jwt_json_text(iss);

    if (iss != NULL && !json_is_string(iss))
        return malformed(reason);
    if (!takes_any(&j->policy->issuers) && (iss == NULL || !is_listed(&j->policy->issuers, issuer)))
        return "this JWT is from an issuer that is not accepted here";
    if (!copy(issuer, j->answer->identity.issuer, SUBJECT_MAX + 1))
        return "this JWT's issuer is longer than 256 bytes or has control characters";
    return NULL;
}

static const char *check_audience(const struct judging *j, enum jeton_reason *reason)
{
    const json_t *aud = json_object_get(j->claims, "aud");
    bool meant = takes_any(&j->policy->audiences) ||
                 (json_is_string(aud) && is_listed(&j->policy->audiences, jwt_json_text(aud)));

    if (aud != NULL && !json_is_string(aud) && !json_is_array(aud))
        return malformed(reason);
    for (size_t i = 0; i < json_array_size(aud); i++) {
        const json_t *one = json_array_get(aud, i);
        if (!json_is_string(one))
            return malformed(reason);
        meant = meant || is_listed(&j->policy->audiences, jwt_json_text(one));
    }
    return meant ? NULL : "this JWT is meant for others: its audience is not accepted here";
}

/* A media type's name: in any case, with or without "application/" (RFC 7515, 4.1.9). */
static const char *bare_type(const char *type)
{
    static const char prefix[] = "application/";

    return strncasecmp(type, prefix, sizeof(prefix) - 1) == 0 ? type + sizeof(prefix) - 1 : type;
}

static const char *check_typ(const struct judging *j, enum jeton_reason *reason)
{
    const char *typ = json_string_value(json_object_get(j->header, "typ"));

    (void)reason;
    if (j->policy->typ == NULL ||
        (typ != NULL && strcasecmp(bare_type(typ), bare_type(j->policy->typ)) == 0))
        return NULL;
    return "this JWT is not of the type that is accepted here";
}

/* -- when it is valid -------------------------------------------------------------------------- */

/* The end it is given is where it stops to pass, with the leeway: else jetond could call it expired
 * while it is not. */
static const char *check_end(const struct judging *j, enum jeton_reason *reason)
{
    const json_t *exp = json_object_get(j->claims, "exp");
    int64_t end;

    if (exp == NULL && j->policy->require_exp)
        return "this JWT has no end (exp), and such are not accepted here";
    if (exp == NULL)
        return NULL;
    if (!jwt_json_time(exp, false, &end))
        return malformed(reason);
    j->answer->identity.expires = end + j->policy->leeway;
    if (j->question->now < end + j->policy->leeway)
        return NULL;
    *reason = JETON_REASON_EXPIRED;
    return "this JWT has expired";
}

static const char *check_begin(const struct judging *j, enum jeton_reason *reason)
{
    const json_t *nbf = json_object_get(j->claims, "nbf");
    int64_t begin;

    if (nbf == NULL)
        return NULL;
    if (!jwt_json_time(nbf, true, &begin))
        return malformed(reason);
    begin -= j->policy->leeway;
    if (j->question->now >= begin)
        return NULL;
    /* now may be anything, but is less than a bounded number here */
    uint64_t ahead = (uint64_t)begin - (uint64_t)j->question->now;
    j->answer->retry_after = ahead > RETRY_MAX ? RETRY_MAX : (int64_t)ahead;
    *reason = JETON_REASON_PENDING;
    return "this JWT is not valid yet";
}

/* When it was issued decides nothing (RFC 7519, 4.1.6), but must be a time. */
static const char *check_issued(const struct judging *j, enum jeton_reason *reason)
{
    const json_t *iat = json_object_get(j->claims, "iat");
    int64_t issued;

    return iat == NULL || jwt_json_time(iat, false, &issued) ? NULL : malformed(reason);
}

/* -- whom it speaks for ------------------------------------------------------------------------ */

static const char *check_subject(const struct judging *j, enum jeton_reason *reason)
{
    const json_t *subject = json_object_get(j->claims, j->policy->subject_claim);

    if (subject != NULL && !json_is_string(subject))
        return malformed(reason);
    if (!copy(jwt_json_text(subject), j->answer->identity.subject, SUBJECT_MAX + 1))
        return "this JWT's subject is longer than 256 bytes or has control characters";
    return NULL;
}

static const char *check_id(const struct judging *j, enum jeton_reason *reason)
{
    const json_t *id = json_object_get(j->claims, j->policy->id_claim);

    if (id != NULL && !json_is_string(id))
        return malformed(reason);
    if (!copy(jwt_json_text(id), j->answer->identity.id, sizeof(j->answer->identity.id)))
        j->answer->identity.id[0] = '\0';
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

static const char *check_scopes(const struct judging *j, enum jeton_reason *reason)
{
    const json_t *scopes = json_object_get(j->claims, j->policy->scopes_claim);
    char words[JWT_VALUE_MAX];
    struct text list = text_in(words, sizeof(words));
    struct text set = text_in(j->answer->identity.scopes, SCOPES_TEXT_MAX);

    if (scopes != NULL && !json_is_string(scopes) && !json_is_array(scopes))
        return malformed(reason);
    add_words(&list, jwt_json_text(scopes));
    for (size_t i = 0; i < json_array_size(scopes); i++) {
        const json_t *one = json_array_get(scopes, i);
        if (!json_is_string(one))
            return malformed(reason);
        add_word(&list, jwt_json_text(one));
    }
    if (list.cut || scopes_normalise(text_slice(&list), &set) != NULL)
        return "this JWT has more than 32 scopes";
    set.at[set.len] = '\0';
    return NULL;
}

/* -- beside an earlier verifier's identity ----------------------------------------------------- */

static void keep_common(const char *theirs, char scopes[SCOPES_TEXT_MAX + 1])
{
    char ours[SCOPES_TEXT_MAX + 1];
    struct text list = text_in(scopes, SCOPES_TEXT_MAX);

    snprintf(ours, sizeof(ours), "%s", scopes);
    for (char *rest = ours, *word; (word = strsep(&rest, ",")) != NULL;)
        if (word[0] != '\0' && scopes_include(slice_of(theirs), slice_of(word))) {
            text_adds(&list, list.len > 0 ? "," : "");
            text_adds(&list, word);
        }
    scopes[list.len] = '\0';
}

/* It stays whom the earlier one named; this can only narrow what may be done in that name. */
static const char *check_earlier(const struct judging *j, enum jeton_reason *reason)
{
    const struct jeton_identity *earlier = j->question->identity;
    struct jeton_identity *ours = &j->answer->identity;

    (void)reason;
    if (earlier == NULL)
        return NULL;
    if (ours->subject[0] != '\0' && earlier->subject[0] != '\0' &&
        strcmp(ours->subject, earlier->subject) != 0)
        return "this JWT speaks for somebody else than another verifier says";
    struct jeton_identity narrowed = *earlier;
    if (ours->expires < narrowed.expires)
        narrowed.expires = ours->expires;
    memcpy(narrowed.scopes, ours->scopes, sizeof(narrowed.scopes));
    keep_common(earlier->scopes, narrowed.scopes);
    *ours = narrowed;
    return NULL;
}
