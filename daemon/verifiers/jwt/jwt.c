/* SPDX-License-Identifier: Apache-2.0 */
/* Verify signed JWTs (RFC 7519) in the compact serialization of JWS (RFC 7515), as OpenID and
 * OAuth servers issue them.
 *
 * Order.      The signature is verified, with the keys that the administrator configured, before
 *             any claim is read.  Until then the only answers are ignore (not a JWT), malformed and
 *             unknown; after it, answers have specific reasons.
 * Algorithm.  The header's alg selects a row of alg.c, if algorithms= lists it, and that row the
 *             one type of key it takes: so a public key is never used as an HMAC secret, and there
 *             is no row for "none".  A key's own alg restricts it further.
 * Keys.       Are read from files by open(), and come from nowhere else: jwk, jku, x5c and x5u in
 *             a header are ignored, kid only selects among the configured keys.  zip and b64 are
 *             ignored; crit is refused.
 * Spelling.   A value has one spelling: base64url is strict, lengths are exact, numbers are below
 *             the modulus or the order.  Except for ECDSA, where (r, s) and (r, order - s) are both
 *             valid, and half of what issuers sign has the higher s: RFC 7518 allows it, so only
 *             low_s=yes refuses it, for issuers that never do so.
 * Threads.    An instance is constant after open(); verify() uses its stack and objects of its own.
 * Wiping.     The decoded parts are wiped.  Jansson's copies are not, but those are header and
 *             claims, which authenticate nobody without the signature.  Neither is GnuTLS's copy of
 *             an RSA signature.
 *
 * Why GnuTLS, libsodium and jansson, and none of Debian 12's JWT libraries: libjwt 1.10.2 has
 * neither EdDSA nor key sets.  librhonabwy 1.1.11 has both, and verifies signatures by the same
 * GnuTLS calls as key.c; but its upstream closed in November 2024, and by its source
 *   - it inflates a payload (zip) without a limit, before it verifies the signature;
 *   - it compares an HMAC with strcmp() (CVE-2024-25714);
 *   - it accepts ES256 with a key on any curve;
 *   - it fetches the x5u of a key in a set at each use, unless each call forbids it;
 *   - it copies the value several times without wiping it, and parses a key from JSON each time;
 *   - it brings libcurl, and so LDAP, Kerberos, SSH and 30 more libraries, into the daemon. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/verifiers/arguments.h"
#include "daemon/verifiers/jwt/claims.h"
#include "daemon/verifiers/jwt/compact.h"
#include "daemon/verifiers/jwt/jwks.h"
#include "daemon/verifiers/jwt/key_set.h"
#include "daemon/verifiers/untrusted_json.h"
#include "proto/limits.h"

enum { LEEWAY_MAX = 300 };

struct jwt {
    struct jwt_policy policy;
    struct argument_list key_files, set_files, secret_files;
    struct jwt_key_set keys;
    bool low_s;                       /* ECDSA signatures with a high s are refused */
    struct jeton_argument *arguments; /* a copy, which the texts above point into */
    char *texts;
};

/* -- arguments --------------------------------------------------------------------------------- */

static bool read_algorithms(void *field, struct slice value)
{
    return jwt_alg_set_parse(value, field);
}

static bool read_leeway(void *field, struct slice value)
{
    return argument_duration(field, value) && *(int64_t *)field <= LEEWAY_MAX;
}

/* Add an accepted issuer or audience.  "*" stands for any, so it must be alone. */
static bool read_accepted(void *field, struct slice value)
{
    const struct argument_list *list = field;
    bool any = list->count > 0 && (slice_is(value, "*") || strcmp(list->text[0], "*") == 0);

    return !any && value.len <= SUBJECT_MAX && argument_append(field, value);
}

#define FIELD(name) offsetof(struct jwt, name)
static const struct argument_row rows[] = {
    { "key", argument_append, FIELD(key_files), "a file with a public key in PEM, 16 times at most",
      true, false },
    { "jwks", argument_append, FIELD(set_files), "a file with a JSON Web Key Set, 16 at most", true,
      false },
    { "secret", argument_append, FIELD(secret_files), "a file with the secret for HS256", false,
      false },
    { "algorithms", read_algorithms, FIELD(keys.algorithms),
      "a list out of RS256,RS384,RS512,"
      "PS256,PS384,PS512,ES256,ES384,ES512,EdDSA,Ed25519,HS256",
      false, false },
    { "issuer", read_accepted, FIELD(policy.issuers), "an accepted iss, or * alone for any", true,
      true },
    { "audience", read_accepted, FIELD(policy.audiences),
      "this service's name in aud, or * alone for any", true, true },
    { "leeway", read_leeway, FIELD(policy.leeway), "0s to 5m", false, false },
    { "low_s", argument_flag, FIELD(low_s), "yes or no", false, false },
    { "subject_claim", argument_text, FIELD(policy.subject_claim), "a claim's name", false, false },
    { "scopes_claim", argument_text, FIELD(policy.scopes_claim), "a claim's name", false, false },
    { "id_claim", argument_text, FIELD(policy.id_claim), "a claim's name", false, false },
    { "require_exp", argument_flag, FIELD(policy.require_exp), "yes or no", false, false },
    { "typ", argument_text, FIELD(policy.typ), "a type like at+jwt", false, false },
};

static void close_instance(void *instance)
{
    struct jwt *jwt = instance;

    if (jwt == NULL)
        return;
    free(jwt->arguments);
    free(jwt->texts);
    sodium_memzero(&jwt->keys, sizeof(jwt->keys));
    free(jwt);
}

/* Copy the arguments, whose texts belong to the caller of open(). */
static bool copy_arguments(struct jwt *jwt, const struct jeton_argument *arguments, size_t count)
{
    size_t size = 1, at = 0;

    for (size_t i = 0; i < count; i++)
        size += strlen(arguments[i].key) + strlen(arguments[i].value) + 2;
    jwt->arguments = calloc(count + 1, sizeof(*jwt->arguments));
    jwt->texts = malloc(size);
    if (jwt->arguments == NULL || jwt->texts == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        jwt->arguments[i].key = strcpy(jwt->texts + at, arguments[i].key);
        at += strlen(arguments[i].key) + 1;
        jwt->arguments[i].value = strcpy(jwt->texts + at, arguments[i].value);
        at += strlen(arguments[i].value) + 1;
    }
    return true;
}

static struct jwt *jwt_new(const struct jeton_argument *arguments, size_t count)
{
    struct jwt *jwt = malloc(sizeof(*jwt));

    if (jwt == NULL)
        return NULL;
    *jwt = (struct jwt){
        .policy = { .leeway = 30,
                    .subject_claim = "sub",
                    .scopes_claim = "scope",
                    .id_claim = "jti",
                    .require_exp = true },
    };
    jwt_alg_set_parse((struct slice)SLICE("RS256,ES256,EdDSA"), &jwt->keys.algorithms);
    if (copy_arguments(jwt, arguments, count))
        return jwt;
    close_instance(jwt);
    return NULL;
}

/* Load files of keys.  False: `problem` says what is wrong.  Otherwise warnings are added to it. */
static bool load_key_files(struct jwt_key_set *set, const char *argument,
                           const struct argument_list *files,
                           const char *(*add)(struct jwt_key_set *set, const char *path,
                                              char *error),
                           char *problem, size_t size)
{
    char error[JWT_KEY_SET_ERROR];

    for (size_t i = 0; i < files->count; i++) {
        error[0] = '\0';
        const char *fault = add(set, files->text[i], error);
        size_t used = fault == NULL ? strlen(problem) : 0;
        if (fault != NULL || error[0] != '\0')
            snprintf(problem + used, size - used, "%s%s=%s: %s", used > 0 ? "; " : "", argument,
                     files->text[i], fault != NULL ? fault : error);
        if (fault != NULL)
            return false;
    }
    return true;
}

/* Return what is wrong with the keys as a whole.  A secret can sign JWTs as well as verify them, so
 * HS256 takes both secret= and algorithms=. */
static const char *keys_fault(const struct jwt *jwt)
{
    bool listed = (jwt->keys.algorithms & jwt_alg_set_for(JWT_KEY_SECRET)) != 0;

    if (jwt->secret_files.count > 0 && !listed)
        return "secret= is for HS256, which algorithms= does not name: add it there, or remove "
               "secret=";
    if (jwt->secret_files.count == 0 && listed)
        return "algorithms= names HS256: give its secret=FILE, or remove HS256";
    if (jwt->key_files.count + jwt->set_files.count + jwt->secret_files.count == 0)
        return "there is no key: give key=FILE (a public key in PEM) or jwks=FILE (a JSON Web Key "
               "Set)";
    return NULL;
}

static bool read_arguments(struct jwt *jwt, size_t count, char *problem, size_t size)
{
    if (!arguments_read(rows, sizeof(rows) / sizeof(rows[0]), jwt, jwt->arguments, count, problem,
                        size))
        return false;
    const char *fault = keys_fault(jwt);
    snprintf(problem, size, "%s", fault != NULL ? fault : "");
    return fault == NULL &&
           load_key_files(&jwt->keys, "key", &jwt->key_files, jwt_key_set_add_pem, problem, size) &&
           load_key_files(&jwt->keys, "jwks", &jwt->set_files, jwt_jwks_add, problem, size) &&
           load_key_files(&jwt->keys, "secret", &jwt->secret_files, jwt_key_set_add_secret, problem,
                          size) &&
           jwt->keys.count > 0;
}

static int open_instance(void **instance, const struct jeton_argument *arguments, size_t count,
                         char *problem, size_t size)
{
    struct jwt *jwt = NULL;

    *instance = NULL;
    if (sodium_init() < 0 || (jwt = jwt_new(arguments, count)) == NULL) {
        snprintf(problem, size, "out of memory");
        return -1;
    }
    json_object_seed(0); /* now, as else the first verify() would read /dev/urandom */
    if (!read_arguments(jwt, count, problem, size)) {
        close_instance(jwt);
        return -1;
    }
    *instance = jwt;
    return 0;
}

/* -- verifying --------------------------------------------------------------------------------- */

struct verification {
    const struct jwt *jwt;
    const struct jeton_question *question;
    struct jeton_answer *answer;
    struct jwt_compact parts;
    json_t *header;
    json_t *claims;
    const struct jwt_alg *alg;
    size_t len;
    uint8_t bytes[JWT_COMPACT_BYTES_MAX]; /* of the part that is being parsed */
};

/* A step's result that is not yet an enum jeton_outcome: the next step decides. */
enum { NEXT_STEP = -1 };

static int parse_header(struct verification *v);
static int select_algorithm(struct verification *v);
static int verify_signature(struct verification *v);
static int parse_payload(struct verification *v);
static int verify_claims(struct verification *v);

static int (*const steps[])(struct verification *v) = {
    parse_header, select_algorithm, verify_signature, parse_payload, verify_claims,
};

static int verify(void *instance, const struct jeton_question *question,
                  struct jeton_answer *answer)
{
    struct verification v;
    int outcome = NEXT_STEP;

    if (!jwt_compact_split((struct slice){ question->value, question->value_length }, &v.parts))
        return JETON_VERIFIER_IGNORE;
    v.jwt = instance;
    v.question = question;
    v.answer = answer;
    v.header = v.claims = NULL;
    for (size_t i = 0; outcome == NEXT_STEP && i < sizeof(steps) / sizeof(steps[0]); i++)
        outcome = steps[i](&v);
    json_decref(v.header);
    json_decref(v.claims);
    return outcome == NEXT_STEP ? JETON_VERIFIER_ERROR : outcome;
}

static int fail_error(const struct verification *v, const char *message)
{
    snprintf(v->answer->message, sizeof(v->answer->message), "%s", message);
    return JETON_VERIFIER_ERROR;
}

static int malformed(const struct verification *v)
{
    return jwt_answer_fail(v->answer, JETON_REASON_MALFORMED, "this JWT is malformed");
}

/* Decode and parse a part. */
static enum untrusted_json_status parse_part(struct verification *v, struct slice part,
                                             json_t **object)
{
    enum untrusted_json_status status = UNTRUSTED_JSON_INVALID;

    if (jwt_base64url_decode(part, v->bytes, sizeof(v->bytes), &v->len))
        status = untrusted_json_parse((struct slice){ (char *)v->bytes, v->len }, object);
    sodium_memzero(v->bytes, sizeof(v->bytes));
    return status;
}

/* Parse the header.  Any three words with full stops between them have the compact shape; an alg
 * makes it a JWT. */
static int parse_header(struct verification *v)
{
    enum untrusted_json_status status = parse_part(v, v->parts.header, &v->header);

    if (status == UNTRUSTED_JSON_NO_MEMORY)
        return fail_error(v, "out of memory");
    if (status == UNTRUSTED_JSON_DUPLICATE)
        return malformed(v);
    return json_object_get(v->header, "alg") == NULL ? JETON_VERIFIER_IGNORE : NEXT_STEP;
}

static int select_algorithm(struct verification *v)
{
    const json_t *alg = json_object_get(v->header, "alg");
    const json_t *kid = json_object_get(v->header, "kid");

    if (!json_is_string(alg) || (kid != NULL && !json_is_string(kid)))
        return malformed(v);
    v->alg = jwt_alg_find(untrusted_json_string(alg));
    if (v->alg == NULL || (jwt_alg_bit(v->alg) & v->jwt->keys.algorithms) == 0)
        return jwt_answer_fail(v->answer, JETON_REASON_UNKNOWN,
                               "this JWT is signed by an algorithm that is not accepted here");
    if (json_object_get(v->header, "crit") != NULL)
        return jwt_answer_fail(v->answer, JETON_REASON_UNKNOWN,
                               "this JWT requires extensions (crit) that are not supported here");
    return NEXT_STEP;
}

static int verify_signature(struct verification *v)
{
    const char *kid = json_string_value(json_object_get(v->header, "kid"));
    uint8_t signature[JWT_KEY_BYTES_MAX];
    size_t len;

    if (!jwt_base64url_decode(v->parts.signature, signature, sizeof(signature), &len)) {
        sodium_memzero(signature, sizeof(signature));
        return malformed(v);
    }
    struct slice bytes = { (char *)signature, len };
    enum jwt_signature result = jwt_key_set_verify(&v->jwt->keys, v->alg, kid,
                                                   v->parts.signing_input, bytes);
    if (result == JWT_SIGNATURE_VALID && v->jwt->low_s && jwt_key_has_high_s(v->alg, bytes))
        result = JWT_SIGNATURE_INVALID;
    sodium_memzero(signature, sizeof(signature));
    if (result == JWT_SIGNATURE_ERROR)
        return fail_error(v, "GnuTLS could not verify a signature");
    if (result != JWT_SIGNATURE_VALID)
        return jwt_answer_fail(v->answer, JETON_REASON_UNKNOWN,
                               "this JWT is not signed by a key that is configured here");
    return NEXT_STEP;
}

static int parse_payload(struct verification *v)
{
    enum untrusted_json_status status = parse_part(v, v->parts.payload, &v->claims);

    if (status == UNTRUSTED_JSON_NO_MEMORY)
        return fail_error(v, "out of memory");
    return status == UNTRUSTED_JSON_OK ? NEXT_STEP :
                                         jwt_answer_fail(v->answer, JETON_REASON_MALFORMED,
                                                         "this JWT's claims are not a JSON object");
}

static int verify_claims(struct verification *v)
{
    return jwt_claims_verify(&v->jwt->policy, v->header, v->claims, v->question, v->answer);
}

const struct jeton_verifier jeton_verifier = {
    JETON_VERIFIER_ABI,
    JETON_VERIFIER_COSTLY | JETON_VERIFIER_NO_GROUPS,
    "jwt",
    open_instance,
    verify,
    close_instance,
};
