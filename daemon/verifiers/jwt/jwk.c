/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verifiers/jwt/jwk.h"

#include "daemon/verifiers/jwt/json.h"
#include "daemon/verifiers/jwt/compact.h"

enum { ROOM = JWT_NUMBER_MAX + 8 }; /* some put zeros in front */

struct number {
    size_t len;
    uint8_t bytes[ROOM];
};

/* -- what it is for ---------------------------------------------------------------------------- */

/* Only such keys have these members. */
static bool is_secret(const json_t *jwk)
{
    static const char *const members[] = { "d", "p", "q", "dp", "dq", "qi", "oth", "k" };

    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        if (json_object_get(jwk, members[i]) != NULL)
            return true;
    return slice_is(jwt_json_text(json_object_get(jwk, "kty")), "oct");
}

static bool has_word(const json_t *list, const char *word)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (slice_is(jwt_json_text(json_array_get(list, i)), word))
            return true;
    return false;
}

/* Is it for signatures, by an algorithm that there is? */
static bool is_for_us(const json_t *jwk)
{
    const json_t *use = json_object_get(jwk, "use");
    const json_t *operations = json_object_get(jwk, "key_ops");
    const json_t *alg = json_object_get(jwk, "alg");

    return (use == NULL || slice_is(jwt_json_text(use), "sig")) &&
           (operations == NULL || has_word(operations, "verify")) &&
           (alg == NULL || jwt_alg_named(jwt_json_text(alg)) != NULL);
}

/* -- what it is -------------------------------------------------------------------------------- */

static bool read_number(const json_t *jwk, const char *member, struct number *number)
{
    struct slice text = jwt_json_text(json_object_get(jwk, member));

    return text.len > 0 && jwt_base64url(text, number->bytes, sizeof(number->bytes), &number->len);
}

static const struct type {
    const char *kty;
    bool curved; /* crv says which of several kinds */
    const char *first, *second;
} types[] = {
    { "RSA", false, "n", "e" },
    { "EC", true, "x", "y" },
    { "OKP", true, "x", NULL },
};

static const struct type *type_named(struct slice kty)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (slice_is(kty, types[i].kty))
            return &types[i];
    return NULL;
}

static bool find_kind(const json_t *jwk, const struct type *type, enum jwt_kind *kind)
{
    *kind = JWT_RSA;
    return !type->curved || (jwt_kind_of_name(jwt_json_text(json_object_get(jwk, "crv")), kind) &&
                             (*kind == JWT_ED25519) == (type->second == NULL));
}

static const char *read_key(const json_t *jwk, const struct type *type, enum jwt_kind kind,
                            struct jwt_key *key)
{
    struct number first = { .len = 0 }, second = { .len = 0 };

    if (!read_number(jwk, type->first, &first) ||
        (type->second != NULL && !read_number(jwk, type->second, &second)))
        return "a number of it is missing, too large, or not in base64url";
    return jwt_key_make(kind, (struct slice){ (char *)first.bytes, first.len },
                        (struct slice){ (char *)second.bytes, second.len }, key);
}

static const char *read_labels(const json_t *jwk, struct jwt_key *key)
{
    const json_t *alg = json_object_get(jwk, "alg");
    const json_t *kid = json_object_get(jwk, "kid");
    struct slice name = jwt_json_text(kid);

    key->only = alg != NULL ? jwt_alg_named(jwt_json_text(alg)) : NULL;
    if (key->only != NULL && key->only->kind != key->kind)
        return "its alg is not for its kty and crv";
    if (kid != NULL && (!json_is_string(kid) || name.len > JWT_KID_MAX))
        return "its kid is not a text of at most 256 bytes";
    key->has_kid = kid != NULL;
    if (key->has_kid)
        memcpy(key->kid, name.at, name.len + 1);
    return NULL;
}

bool jwt_jwk_read(const json_t *jwk, struct jwt_key *key, const char **fault)
{
    const struct type *type = type_named(jwt_json_text(json_object_get(jwk, "kty")));
    enum jwt_kind kind;

    if (!json_is_string(json_object_get(jwk, "kty")))
        *fault = "this is no JSON Web Key: kty is missing";
    else if (is_secret(jwk))
        *fault = "it is private or secret, which has no business here: give the public part alone";
    else if (type == NULL || !is_for_us(jwk) || !find_kind(jwk, type, &kind))
        return false;
    else if ((*fault = read_key(jwk, type, kind, key)) == NULL)
        *fault = read_labels(jwk, key);
    return *fault == NULL;
}
