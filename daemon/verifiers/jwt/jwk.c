/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verifiers/jwt/jwk.h"

#include "daemon/verifiers/jwt/compact.h"
#include "daemon/verifiers/untrusted_json.h"

enum { NUMBER_MAX = JWT_KEY_BYTES_MAX + 8 }; /* with leading zeros, which some issuers add */

struct number {
    size_t len;
    uint8_t bytes[NUMBER_MAX];
};

/* -- the use of a key -------------------------------------------------------------------------- */

/* True for a private or secret key: only these have such members. */
static bool is_secret(const json_t *jwk)
{
    static const char *const members[] = { "d", "p", "q", "dp", "dq", "qi", "oth", "k" };

    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        if (json_object_get(jwk, members[i]) != NULL)
            return true;
    return slice_is(untrusted_json_string(json_object_get(jwk, "kty")), "oct");
}

static bool has_word(const json_t *list, const char *word)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (slice_is(untrusted_json_string(json_array_get(list, i)), word))
            return true;
    return false;
}

/* True if the key is meant for signatures, by a known algorithm. */
static bool is_for_signatures(const json_t *jwk)
{
    const json_t *use = json_object_get(jwk, "use");
    const json_t *operations = json_object_get(jwk, "key_ops");
    const json_t *alg = json_object_get(jwk, "alg");

    return (use == NULL || slice_is(untrusted_json_string(use), "sig")) &&
           (operations == NULL || has_word(operations, "verify")) &&
           (alg == NULL || jwt_alg_find(untrusted_json_string(alg)) != NULL);
}

/* -- the key ----------------------------------------------------------------------------------- */

static bool read_number(const json_t *jwk, const char *member, struct number *number)
{
    struct slice text = untrusted_json_string(json_object_get(jwk, member));

    return text.len > 0 &&
           jwt_base64url_decode(text, number->bytes, sizeof(number->bytes), &number->len);
}

static const struct kty {
    const char *kty;
    bool has_crv; /* the type depends on crv */
    const char *first, *second;
} ktys[] = {
    { "RSA", false, "n", "e" },
    { "EC", true, "x", "y" },
    { "OKP", true, "x", NULL },
};

static const struct kty *find_kty(struct slice kty)
{
    for (size_t i = 0; i < sizeof(ktys) / sizeof(ktys[0]); i++)
        if (slice_is(kty, ktys[i].kty))
            return &ktys[i];
    return NULL;
}

static bool find_type(const json_t *jwk, const struct kty *kty, enum jwt_key_type *type)
{
    *type = JWT_KEY_RSA;
    return !kty->has_crv ||
           (jwt_key_type_of_crv(untrusted_json_string(json_object_get(jwk, "crv")), type) &&
            (*type == JWT_KEY_ED25519) == (kty->second == NULL));
}

static const char *read_key(const json_t *jwk, const struct kty *kty, enum jwt_key_type type,
                            struct jwt_key *key)
{
    struct number first = { .len = 0 }, second = { .len = 0 };

    if (!read_number(jwk, kty->first, &first) ||
        (kty->second != NULL && !read_number(jwk, kty->second, &second)))
        return "one of its numbers is missing, too large, or not in base64url";
    return jwt_key_init(type, (struct slice){ (char *)first.bytes, first.len },
                        (struct slice){ (char *)second.bytes, second.len }, key);
}

static const char *read_alg_and_kid(const json_t *jwk, struct jwt_key *key)
{
    const json_t *alg = json_object_get(jwk, "alg");
    const json_t *kid = json_object_get(jwk, "kid");
    struct slice name = untrusted_json_string(kid);

    key->only_alg = alg != NULL ? jwt_alg_find(untrusted_json_string(alg)) : NULL;
    if (key->only_alg != NULL && key->only_alg->type != key->type)
        return "its alg is not for its kty and crv";
    if (kid != NULL && (!json_is_string(kid) || name.len > JWT_KID_MAX))
        return "its kid is not a string of at most 256 bytes";
    key->has_kid = kid != NULL;
    if (key->has_kid)
        memcpy(key->kid, name.at, name.len + 1);
    return NULL;
}

bool jwt_jwk_parse(const json_t *jwk, struct jwt_key *key, const char **fault)
{
    const struct kty *kty = find_kty(untrusted_json_string(json_object_get(jwk, "kty")));
    enum jwt_key_type type;

    if (!json_is_string(json_object_get(jwk, "kty")))
        *fault = "this is not a JSON Web Key: kty is missing";
    else if (is_secret(jwk))
        *fault = "it is private or secret: give only the public part";
    else if (kty == NULL || !is_for_signatures(jwk) || !find_type(jwk, kty, &type))
        return false;
    else if ((*fault = read_key(jwk, kty, type, key)) == NULL)
        *fault = read_alg_and_kid(jwk, key);
    return *fault == NULL;
}
