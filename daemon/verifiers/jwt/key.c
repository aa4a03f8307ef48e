/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verifiers/jwt/key.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <sodium.h>

enum { RSA_MIN = 2048, COORDINATE_MAX = 66, EXPONENT_MAX = 8 };

typedef enum jwt_said check_call(const struct jwt_key *key, const struct jwt_alg *alg,
                                 struct slice text, struct slice signature);
typedef const char *fault_call(const struct jwt_key *key);

static check_call check_rsa, check_ec, check_ed25519, check_secret;
static fault_call fault_of_rsa, fault_of_point, fault_of_ed25519, fault_of_secret;

static const struct kind {
    const char *name;
    size_t coordinate; /* bytes of each; 0: the numbers are of any length */
    gnutls_ecc_curve_t curve;
    check_call *check;
    fault_call *fault;
} kinds[] = {
    [JWT_RSA] = { "RSA", 0, GNUTLS_ECC_CURVE_INVALID, check_rsa, fault_of_rsa },
    [JWT_P256] = { "P-256", 32, GNUTLS_ECC_CURVE_SECP256R1, check_ec, fault_of_point },
    [JWT_P384] = { "P-384", 48, GNUTLS_ECC_CURVE_SECP384R1, check_ec, fault_of_point },
    [JWT_P521] = { "P-521", 66, GNUTLS_ECC_CURVE_SECP521R1, check_ec, fault_of_point },
    [JWT_ED25519] = { "Ed25519", 32, GNUTLS_ECC_CURVE_ED25519, check_ed25519, fault_of_ed25519 },
    [JWT_SECRET] = { "secret", 0, GNUTLS_ECC_CURVE_INVALID, check_secret, fault_of_secret },
};

/* -- checking ---------------------------------------------------------------------------------- */

static gnutls_datum_t datum(const void *bytes, size_t len)
{
    return (gnutls_datum_t){ (unsigned char *)bytes, (unsigned)len };
}

static int import(const struct jwt_key *key, gnutls_pubkey_t pubkey)
{
    gnutls_datum_t first = datum(key->first, key->first_len);
    gnutls_datum_t second = datum(key->second, key->second_len);

    if (key->kind == JWT_RSA)
        return gnutls_pubkey_import_rsa_raw(pubkey, &first, &second);
    return gnutls_pubkey_import_ecc_raw(pubkey, kinds[key->kind].curve, &first, &second);
}

static enum jwt_said ask_gnutls(const struct jwt_key *key, const struct jwt_alg *alg,
                                struct slice text, const gnutls_datum_t *signature)
{
    gnutls_datum_t signed_text = datum(text.at, text.len);
    gnutls_pubkey_t pubkey = NULL;

    int error = gnutls_pubkey_init(&pubkey);
    if (error >= 0)
        error = import(key, pubkey);
    if (error >= 0)
        error = gnutls_pubkey_verify_data2(pubkey, alg->sign, 0, &signed_text, signature);
    if (pubkey != NULL)
        gnutls_pubkey_deinit(pubkey);
    if (error >= 0)
        return JWT_SIGNED;
    return error == GNUTLS_E_PK_SIG_VERIFY_FAILED ? JWT_SIGNED_NOT : JWT_TROUBLE;
}

static enum jwt_said check_rsa(const struct jwt_key *key, const struct jwt_alg *alg,
                               struct slice text, struct slice signature)
{
    gnutls_datum_t given = datum(signature.at, signature.len);

    if (signature.len != key->first_len) /* RFC 8017, 8.1.2 and 8.2.2, step 1 */
        return JWT_SIGNED_NOT;
    return ask_gnutls(key, alg, text, &given);
}

/* A JWS has r and s side by side, each as long as a coordinate; GnuTLS wants them in DER. */
static enum jwt_said check_ec(const struct jwt_key *key, const struct jwt_alg *alg,
                              struct slice text, struct slice signature)
{
    size_t half = kinds[key->kind].coordinate;
    gnutls_datum_t r = datum(signature.at, half), s = datum(signature.at + half, half), der;

    if (signature.len != 2 * half)
        return JWT_SIGNED_NOT;
    if (gnutls_encode_rs_value(&der, &r, &s) < 0)
        return JWT_TROUBLE;
    enum jwt_said said = ask_gnutls(key, alg, text, &der);
    sodium_memzero(der.data, der.size);
    gnutls_free(der.data);
    return said;
}

static enum jwt_said check_ed25519(const struct jwt_key *key, const struct jwt_alg *alg,
                                   struct slice text, struct slice signature)
{
    (void)alg;
    if (signature.len != crypto_sign_BYTES)
        return JWT_SIGNED_NOT;
    return crypto_sign_verify_detached((const uint8_t *)signature.at, (const uint8_t *)text.at,
                                       text.len, key->first) == 0 ?
               JWT_SIGNED :
               JWT_SIGNED_NOT;
}

static enum jwt_said check_secret(const struct jwt_key *key, const struct jwt_alg *alg,
                                  struct slice text, struct slice signature)
{
    crypto_auth_hmacsha256_state state;
    uint8_t right[crypto_auth_hmacsha256_BYTES];

    (void)alg;
    if (signature.len != sizeof(right))
        return JWT_SIGNED_NOT;
    crypto_auth_hmacsha256_init(&state, key->first, key->first_len);
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)text.at, text.len);
    crypto_auth_hmacsha256_final(&state, right);
    bool same = sodium_memcmp(right, signature.at, sizeof(right)) == 0;
    sodium_memzero(right, sizeof(right)); /* it would turn any such text into a JWT */
    sodium_memzero(&state, sizeof(state));
    return same ? JWT_SIGNED : JWT_SIGNED_NOT;
}

enum jwt_said jwt_key_check(const struct jwt_key *key, const struct jwt_alg *alg, struct slice text,
                            struct slice signature)
{
    return alg->kind == key->kind ? kinds[key->kind].check(key, alg, text, signature) :
                                    JWT_SIGNED_NOT;
}

/* -- making ------------------------------------------------------------------------------------ */

/* Importing does not find out that a point is beside its curve. */
static bool is_valid(const struct jwt_key *key)
{
    gnutls_pubkey_t pubkey = NULL;

    int error = gnutls_pubkey_init(&pubkey);
    if (error >= 0)
        error = import(key, pubkey);
    if (error >= 0)
        error = gnutls_pubkey_verify_params(pubkey);
    if (pubkey != NULL)
        gnutls_pubkey_deinit(pubkey);
    return error >= 0;
}

static const char *fault_of_rsa(const struct jwt_key *key)
{
    size_t bits = 8 * key->first_len;

    for (uint8_t top = key->first_len > 0 ? key->first[0] : 0; bits > 0 && top < 0x80; top <<= 1)
        bits--;
    if (bits < RSA_MIN)
        return "this RSA key is too weak: it should have at least 2048 bits";
    /* With an exponent of 1 a signature is its own proof. */
    bool odd = (key->first[key->first_len - 1] & 1) != 0 && key->second_len > 0 &&
               (key->second[key->second_len - 1] & 1) != 0;
    if (!odd || (key->second_len == 1 && key->second[0] == 1) || !is_valid(key))
        return "this is no RSA key";
    return NULL;
}

static const char *fault_of_point(const struct jwt_key *key)
{
    return is_valid(key) ? NULL : "this is no key: its point is not on its curve";
}

static const char *fault_of_ed25519(const struct jwt_key *key)
{
    return crypto_core_ed25519_is_valid_point(key->first) == 1 ?
               NULL :
               "this is no key: its point is not on its curve, or of a small order";
}

static const char *fault_of_secret(const struct jwt_key *key)
{
    return key->first_len >= JWT_SECRET_MIN ?
               NULL :
               "this secret is too weak: it should have at least 32 bytes (openssl rand -hex 32)";
}

/* `exactly` bytes, or as many as there are without the zeros in front. */
static bool take(struct slice number, size_t exactly, size_t room, uint8_t *bytes, size_t *len)
{
    while (number.len > exactly && number.at[0] == '\0')
        number = (struct slice){ number.at + 1, number.len - 1 };
    size_t pad = exactly > number.len ? exactly - number.len : 0;
    *len = number.len + pad;
    if (*len > room || (exactly > 0 && *len != exactly))
        return false;
    memset(bytes, 0, pad);
    if (number.len > 0)
        memcpy(bytes + pad, number.at, number.len);
    return true;
}

static bool take_numbers(enum jwt_kind kind, struct slice first, struct slice second,
                         struct jwt_key *key)
{
    size_t exactly = kinds[kind].coordinate;

    if (kind == JWT_SECRET) { /* its zeros are part of it */
        key->first_len = first.len;
        if (first.len <= sizeof(key->first))
            memcpy(key->first, first.at, first.len);
        return first.len <= sizeof(key->first);
    }
    if (kind == JWT_ED25519)
        return first.len == exactly &&
               take(first, exactly, sizeof(key->first), key->first, &key->first_len);
    return take(first, exactly, sizeof(key->first), key->first, &key->first_len) &&
           take(second, exactly, exactly > 0 ? exactly : EXPONENT_MAX, key->second,
                &key->second_len);
}

const char *jwt_key_make(enum jwt_kind kind, struct slice first, struct slice second,
                         struct jwt_key *key)
{
    *key = (struct jwt_key){ .kind = kind };
    if (!take_numbers(kind, first, second, key))
        return kind == JWT_RSA || kind == JWT_SECRET ? "this key is too large: at most 8192 bits" :
                                                       "this is no key: it is of a wrong length";
    return kinds[kind].fault(key);
}

const char *jwt_kind_name(enum jwt_kind kind)
{
    return kinds[kind].name;
}

bool jwt_kind_of_name(struct slice curve, enum jwt_kind *kind)
{
    for (*kind = JWT_P256; *kind <= JWT_ED25519; ++*kind)
        if (slice_is(curve, kinds[*kind].name))
            return true;
    return false;
}

bool jwt_kind_of_curve(gnutls_ecc_curve_t curve, enum jwt_kind *kind)
{
    for (*kind = JWT_P256; *kind <= JWT_ED25519; ++*kind)
        if (kinds[*kind].curve == curve)
            return true;
    return false;
}
