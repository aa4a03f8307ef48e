/* SPDX-License-Identifier: Apache-2.0 */
/* The verifier for signed JWTs (RFC 7519): the compact form of JWS (RFC 7515), as OpenID and OAuth
 * servers issue it.
 *
 * Order.      Nothing that a JWT says is believed before its signature is found good by one of the
 *             keys that the administrator named.  Up to there the answers are only: not a JWT
 *             (ignore), malformed, unknown.  Then the claims are read, and reasons are told.
 * Algorithm.  The header's alg selects a row of jwt_alg.c, if algorithms= names it, and with the
 *             row the one kind of key it is for; so no public key is ever used as a secret, and
 *             there is no row for none.  A key's own alg confines it further.
 * Keys.       Come from files at open(), and from nowhere else.  jwk, jku, x5c, x5u of a header are
 *             not looked at; kid only chooses among the keys there are.  zip and b64 have no
 *             meaning here; crit is refused.
 * Threads.    After open() an instance does not change; verify() keeps everything on its stack and
 *             in objects of its own.
 * Traces.     The decoded parts are wiped.  What jansson copies and frees is header and claims,
 *             which authenticate nobody without the signature.  GnuTLS frees its copy of the
 *             signature, for RSA as one large number, unwiped.
 *
 * Why GnuTLS, libsodium and jansson, and no JWT library of Debian 12's: libjwt 1.10.2 has neither
 * EdDSA nor key sets.  librhonabwy 1.1.11 has both, and checks signatures by the same GnuTLS calls
 * as jwt_key.c; but its upstream closed in November 2024, and by its source
 *   - it inflates a payload (zip) before it looks at the signature, without a bound;
 *   - it compares an HMAC with strcmp() (CVE-2024-25714);
 *   - it takes ES256 with a key on any curve;
 *   - it would fetch x5u of a key in a set at each use, unless each call says not to;
 *   - it copies the value about and frees it unwiped, and makes a key out of JSON for each check;
 *   - it brings libcurl, and so LDAP, Kerberos, SSH and 30 more libraries, into the daemon. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/verifiers/arguments.h"
#include "daemon/verifiers/jwt/claims.h"
#include "daemon/verifiers/jwt/json.h"
#include "daemon/verifiers/jwt/key_set.h"
#include "daemon/verifiers/jwt/compact.h"
#include "proto/limits.h"

enum { LEEWAY_MAX = 300 };

struct jwt {
    struct jwt_policy policy;
    struct argument_list key_files, set_files, secret_files;
    struct jwt_key_set keys;
    struct jeton_argument *arguments; /* our copy, which the texts above point into */
    char *texts;
};

/* -- arguments --------------------------------------------------------------------------------- */

static bool read_algorithms(void *field, struct slice value)
{
    return jwt_algs_read(value, field);
}

static bool read_leeway(void *field, struct slice value)
{
    return argument_duration(field, value) && *(int64_t *)field <= LEEWAY_MAX;
}

/* "*" stands for all, so nothing can stand beside it. */
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
    { "issuer", read_accepted, FIELD(policy.issuers), "what iss must be, or, alone, * for any",
      true, true },
    { "audience", read_accepted, FIELD(policy.audiences),
      "what this service is called in aud, or, alone, * for any", true, true },
    { "leeway", read_leeway, FIELD(policy.leeway), "0s to 5m", false, false },
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

/* The texts of the arguments are gone after open(). */
static bool copy_arguments(struct jwt *jwt, const struct jeton_argument *given, size_t count)
{
    size_t size = 1, at = 0;

    for (size_t i = 0; i < count; i++)
        size += strlen(given[i].key) + strlen(given[i].value) + 2;
    jwt->arguments = calloc(count + 1, sizeof(*jwt->arguments));
    jwt->texts = malloc(size);
    if (jwt->arguments == NULL || jwt->texts == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        jwt->arguments[i].key = strcpy(jwt->texts + at, given[i].key);
        at += strlen(given[i].key) + 1;
        jwt->arguments[i].value = strcpy(jwt->texts + at, given[i].value);
        at += strlen(given[i].value) + 1;
    }
    return true;
}

static struct jwt *jwt_new(const struct jeton_argument *given, size_t count)
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
    jwt_algs_read((struct slice)SLICE("RS256,ES256,EdDSA"), &jwt->keys.algorithms);
    if (copy_arguments(jwt, given, count))
        return jwt;
    close_instance(jwt);
    return NULL;
}

static bool read_files(struct jwt_key_set *keys, const char *argument,
                       const struct argument_list *files,
                       const char *(*add)(struct jwt_key_set *keys, const char *path, char *note),
                       char *problem, size_t room)
{
    char note[JWT_NOTE];

    for (size_t i = 0; i < files->count; i++) {
        const char *fault = add(keys, files->text[i], note);
        if (fault == NULL)
            continue;
        snprintf(problem, room, "%s=%s: %s", argument, files->text[i], fault);
        return false;
    }
    return true;
}

/* A secret makes JWTs as well as it checks them, so nothing but both arguments sets it to work. */
static const char *mismatch(const struct jwt *jwt)
{
    bool named = (jwt->keys.algorithms & jwt_algs_of_kind(JWT_SECRET)) != 0;

    if (jwt->secret_files.count > 0 && !named)
        return "secret= is for HS256, which algorithms= does not name: add it there, or leave out "
               "secret=";
    if (jwt->secret_files.count == 0 && named)
        return "algorithms= names HS256: give its secret=FILE, or take it out";
    if (jwt->key_files.count + jwt->set_files.count + jwt->secret_files.count == 0)
        return "there is no key: give key=FILE (a public key in PEM) or jwks=FILE (a JSON Web Key "
               "Set)";
    return NULL;
}

static bool configure(struct jwt *jwt, size_t count, char *problem, size_t room)
{
    if (!arguments_read(rows, sizeof(rows) / sizeof(rows[0]), jwt, jwt->arguments, count, problem,
                        room))
        return false;
    const char *fault = mismatch(jwt);
    if (fault != NULL)
        snprintf(problem, room, "%s", fault);
    return fault == NULL &&
           read_files(&jwt->keys, "key", &jwt->key_files, jwt_key_set_add_pem, problem, room) &&
           read_files(&jwt->keys, "jwks", &jwt->set_files, jwt_key_set_add_jwks, problem, room) &&
           read_files(&jwt->keys, "secret", &jwt->secret_files, jwt_key_set_add_secret, problem,
                      room);
}

static int open_instance(void **instance, const struct jeton_argument *given, size_t count,
                         char *problem, size_t room)
{
    struct jwt *jwt = NULL;

    *instance = NULL;
    if (sodium_init() < 0 || (jwt = jwt_new(given, count)) == NULL) {
        snprintf(problem, room, "out of memory");
        return -1;
    }
    json_object_seed(0); /* or the first verify() would read /dev/urandom for it */
    if (!configure(jwt, count, problem, room)) {
        close_instance(jwt);
        return -1;
    }
    *instance = jwt;
    return 0;
}

/* -- judging ----------------------------------------------------------------------------------- */

struct evaluation {
    const struct jwt *jwt;
    const struct jeton_question *question;
    struct jeton_answer *answer;
    struct jwt_compact parts;
    json_t *header;
    json_t *claims;
    const struct jwt_alg *alg;
    size_t len;
    uint8_t bytes[JWT_BYTES_MAX]; /* of the part that is being read */
};

/* What a step says if there is more to find out. */
enum { GO_ON = -1 };

static int read_header(struct evaluation *h);
static int choose_algorithm(struct evaluation *h);
static int check_signature(struct evaluation *h);
static int read_claims(struct evaluation *h);
static int judge_claims(struct evaluation *h);

static int (*const steps[])(struct evaluation *h) = {
    read_header, choose_algorithm, check_signature, read_claims, judge_claims,
};

static int verify(void *instance, const struct jeton_question *question,
                  struct jeton_answer *answer)
{
    struct evaluation h;
    int outcome = GO_ON;

    if (!jwt_compact_split((struct slice){ question->value, question->value_length }, &h.parts))
        return JETON_VERIFIER_IGNORE;
    h.jwt = instance;
    h.question = question;
    h.answer = answer;
    h.header = h.claims = NULL;
    for (size_t i = 0; outcome == GO_ON && i < sizeof(steps) / sizeof(steps[0]); i++)
        outcome = steps[i](&h);
    json_decref(h.header);
    json_decref(h.claims);
    return outcome == GO_ON ? JETON_VERIFIER_ERROR : outcome;
}

static int error(const struct evaluation *h, const char *message)
{
    snprintf(h->answer->message, sizeof(h->answer->message), "%s", message);
    return JETON_VERIFIER_ERROR;
}

static int malformed(const struct evaluation *h)
{
    return jwt_fail(h->answer, JETON_REASON_MALFORMED, "this JWT is malformed");
}

static enum jwt_json read_object(struct evaluation *h, struct slice part, json_t **object)
{
    enum jwt_json read = JWT_JSON_NONE;

    if (jwt_base64url(part, h->bytes, sizeof(h->bytes), &h->len))
        read = jwt_json_object((struct slice){ (char *)h->bytes, h->len }, object);
    sodium_memzero(h->bytes, sizeof(h->bytes));
    return read;
}

/* Three words with full stops between them may be anybody's; with such a header they are a JWT. */
static int read_header(struct evaluation *h)
{
    enum jwt_json read = read_object(h, h->parts.header, &h->header);

    if (read == JWT_JSON_NO_MEMORY)
        return error(h, "out of memory");
    if (read == JWT_JSON_TWICE)
        return malformed(h);
    return json_object_get(h->header, "alg") == NULL ? JETON_VERIFIER_IGNORE : GO_ON;
}

static int choose_algorithm(struct evaluation *h)
{
    const json_t *alg = json_object_get(h->header, "alg");
    const json_t *kid = json_object_get(h->header, "kid");

    if (!json_is_string(alg) || (kid != NULL && !json_is_string(kid)))
        return malformed(h);
    h->alg = jwt_alg_named(jwt_json_text(alg));
    if (h->alg == NULL || (jwt_alg_bit(h->alg) & h->jwt->keys.algorithms) == 0)
        return jwt_fail(h->answer, JETON_REASON_UNKNOWN,
                        "this JWT is signed by an algorithm that is not accepted here");
    if (json_object_get(h->header, "crit") != NULL)
        return jwt_fail(h->answer, JETON_REASON_UNKNOWN,
                        "this JWT demands extensions (crit) that are not known here");
    return GO_ON;
}

static int check_signature(struct evaluation *h)
{
    const char *kid = json_string_value(json_object_get(h->header, "kid"));
    uint8_t signature[JWT_NUMBER_MAX];
    size_t len;

    if (!jwt_base64url(h->parts.signature, signature, sizeof(signature), &len)) {
        sodium_memzero(signature, sizeof(signature));
        return malformed(h);
    }
    enum jwt_said said = jwt_key_set_check(&h->jwt->keys, h->alg, kid, h->parts.signed_text,
                                           (struct slice){ (char *)signature, len });
    sodium_memzero(signature, sizeof(signature));
    if (said == JWT_TROUBLE)
        return error(h, "GnuTLS could not check a signature");
    if (said != JWT_SIGNED)
        return jwt_fail(h->answer, JETON_REASON_UNKNOWN,
                        "this JWT is not signed by a key that is known here");
    return GO_ON;
}

static int read_claims(struct evaluation *h)
{
    enum jwt_json read = read_object(h, h->parts.claims, &h->claims);

    if (read == JWT_JSON_NO_MEMORY)
        return error(h, "out of memory");
    return read == JWT_JSON_READ ?
               GO_ON :
               jwt_fail(h->answer, JETON_REASON_MALFORMED, "this JWT's claims are no JSON object");
}

static int judge_claims(struct evaluation *h)
{
    return jwt_claims_judge(&h->jwt->policy, h->header, h->claims, h->question, h->answer);
}

const struct jeton_verifier jeton_verifier = {
    JETON_VERIFIER_ABI, 0, "jwt", open_instance, verify, close_instance,
};
