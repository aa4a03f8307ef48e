/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verifiers/jwt/key.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <sodium.h>

enum { RSA_MIN = 2048, EXPONENT_MAX = 8 };

typedef enum jwt_signature verify_fn(const struct jwt_key *key, const struct jwt_alg *alg,
                                     struct slice text, struct slice signature);
typedef const char *fault_fn(const struct jwt_key *key);

static verify_fn verify_rsa, verify_ec, verify_ed25519, verify_secret;
static fault_fn fault_of_rsa, fault_of_ec, fault_of_ed25519, fault_of_secret;

static const struct type {
    const char *name;
    size_t coordinate; /* bytes of x, and of y; 0: numbers of any length */
    gnutls_ecc_curve_t curve;
    verify_fn *verify;
    fault_fn *fault;
} types[] = {
    [JWT_KEY_RSA] = { "RSA", 0, GNUTLS_ECC_CURVE_INVALID, verify_rsa, fault_of_rsa },
    [JWT_KEY_P256] = { "P-256", 32, GNUTLS_ECC_CURVE_SECP256R1, verify_ec, fault_of_ec },
    [JWT_KEY_P384] = { "P-384", 48, GNUTLS_ECC_CURVE_SECP384R1, verify_ec, fault_of_ec },
    [JWT_KEY_P521] = { "P-521", 66, GNUTLS_ECC_CURVE_SECP521R1, verify_ec, fault_of_ec },
    [JWT_KEY_ED25519] = { "Ed25519", 32, GNUTLS_ECC_CURVE_ED25519, verify_ed25519,
                          fault_of_ed25519 },
    [JWT_KEY_SECRET] = { "secret", 0, GNUTLS_ECC_CURVE_INVALID, verify_secret, fault_of_secret },
};

/* -- verifying --------------------------------------------------------------------------------- */

static gnutls_datum_t datum(const void *bytes, size_t len)
{
    return (gnutls_datum_t){ (unsigned char *)bytes, (unsigned)len };
}

static int import(const struct jwt_key *key, gnutls_pubkey_t pubkey)
{
    gnutls_datum_t first = datum(key->first, key->first_len);
    gnutls_datum_t second = datum(key->second, key->second_len);

    if (key->type == JWT_KEY_RSA)
        return gnutls_pubkey_import_rsa_raw(pubkey, &first, &second);
    return gnutls_pubkey_import_ecc_raw(pubkey, types[key->type].curve, &first, &second);
}

static enum jwt_signature verify_with_gnutls(const struct jwt_key *key, const struct jwt_alg *alg,
                                             struct slice text, const gnutls_datum_t *signature)
{
    gnutls_datum_t signing_input = datum(text.at, text.len);
    gnutls_pubkey_t pubkey = NULL;

    int error = gnutls_pubkey_init(&pubkey);
    if (error >= 0)
        error = import(key, pubkey);
    if (error >= 0)
        error = gnutls_pubkey_verify_data2(pubkey, alg->sign, 0, &signing_input, signature);
    if (pubkey != NULL)
        gnutls_pubkey_deinit(pubkey);
    if (error >= 0)
        return JWT_SIGNATURE_VALID;
    return error == GNUTLS_E_PK_SIG_VERIFY_FAILED ? JWT_SIGNATURE_INVALID : JWT_SIGNATURE_ERROR;
}

static enum jwt_signature verify_rsa(const struct jwt_key *key, const struct jwt_alg *alg,
                                     struct slice text, struct slice signature)
{
    gnutls_datum_t bytes = datum(signature.at, signature.len);

    /* RFC 8017, 8.1.2 and 8.2.2, step 1; 5.2.2, step 1: or a signature had two spellings. */
    if (signature.len != key->first_len || memcmp(signature.at, key->first, key->first_len) >= 0)
        return JWT_SIGNATURE_INVALID;
    return verify_with_gnutls(key, alg, text, &bytes);
}

/* Convert r and s, which a JWS has side by side as long as a coordinate, into DER for GnuTLS. */
static enum jwt_signature verify_ec(const struct jwt_key *key, const struct jwt_alg *alg,
                                    struct slice text, struct slice signature)
{
    size_t half = types[key->type].coordinate;
    gnutls_datum_t r = datum(signature.at, half), s = datum(signature.at + half, half), der;

    if (signature.len != 2 * half)
        return JWT_SIGNATURE_INVALID;
    if (gnutls_encode_rs_value(&der, &r, &s) < 0)
        return JWT_SIGNATURE_ERROR;
    enum jwt_signature result = verify_with_gnutls(key, alg, text, &der);
    sodium_memzero(der.data, der.size);
    gnutls_free(der.data);
    return result;
}

/* Half of the order of each curve, rounded down. */
static const uint8_t half_p256[32] = { 0x7f, 0xff, 0xff, 0xff, 0x80, 0x00, 0x00, 0x00,
                                       0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                       0xde, 0x73, 0x7d, 0x56, 0xd3, 0x8b, 0xcf, 0x42,
                                       0x79, 0xdc, 0xe5, 0x61, 0x7e, 0x31, 0x92, 0xa8 };
static const uint8_t half_p384[48] = { 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                       0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                       0xff, 0xff, 0xff, 0xff, 0xe3, 0xb1, 0xa6, 0xc0, 0xfa, 0x1b,
                                       0x96, 0xef, 0xac, 0x0d, 0x06, 0xd9, 0x24, 0x58, 0x53, 0xbd,
                                       0x76, 0x76, 0x0c, 0xb5, 0x66, 0x62, 0x94, 0xb9 };
static const uint8_t half_p521[66] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                       0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                       0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                       0xff, 0xff, 0xff, 0xfd, 0x28, 0xc3, 0x43, 0xc1, 0xdf, 0x97,
                                       0xcb, 0x35, 0xbf, 0xe6, 0x00, 0xa4, 0x7b, 0x84, 0xd2, 0xe8,
                                       0x1d, 0xda, 0xe4, 0xdc, 0x44, 0xce, 0x23, 0xd7, 0x5d, 0xb7,
                                       0xdb, 0x8f, 0x48, 0x9c, 0x32, 0x04 };

static const uint8_t *const halves[] = {
    [JWT_KEY_P256] = half_p256,
    [JWT_KEY_P384] = half_p384,
    [JWT_KEY_P521] = half_p521,
};

bool jwt_key_has_high_s(const struct jwt_alg *alg, struct slice signature)
{
    size_t half = types[alg->type].coordinate;

    return alg->type >= JWT_KEY_P256 && alg->type <= JWT_KEY_P521 && signature.len == 2 * half &&
           memcmp(signature.at + half, halves[alg->type], half) > 0;
}

static enum jwt_signature verify_ed25519(const struct jwt_key *key, const struct jwt_alg *alg,
                                         struct slice text, struct slice signature)
{
    (void)alg;
    if (signature.len != crypto_sign_BYTES)
        return JWT_SIGNATURE_INVALID;
    return crypto_sign_verify_detached((const uint8_t *)signature.at, (const uint8_t *)text.at,
                                       text.len, key->first) == 0 ?
               JWT_SIGNATURE_VALID :
               JWT_SIGNATURE_INVALID;
}

static enum jwt_signature verify_secret(const struct jwt_key *key, const struct jwt_alg *alg,
                                        struct slice text, struct slice signature)
{
    crypto_auth_hmacsha256_state state;
    uint8_t expected[crypto_auth_hmacsha256_BYTES];

    (void)alg;
    if (signature.len != sizeof(expected))
        return JWT_SIGNATURE_INVALID;
    crypto_auth_hmacsha256_init(&state, key->first, key->first_len);
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)text.at, text.len);
    crypto_auth_hmacsha256_final(&state, expected);
    bool same = sodium_memcmp(expected, signature.at, sizeof(expected)) == 0;
    sodium_memzero(expected, sizeof(expected)); /* a valid signature of this text */
    sodium_memzero(&state, sizeof(state));
    return same ? JWT_SIGNATURE_VALID : JWT_SIGNATURE_INVALID;
}

enum jwt_signature jwt_key_verify(const struct jwt_key *key, const struct jwt_alg *alg,
                                  struct slice text, struct slice signature)
{
    return alg->type == key->type ? types[key->type].verify(key, alg, text, signature) :
                                    JWT_SIGNATURE_INVALID;
}

/* -- creating ---------------------------------------------------------------------------------- */

/* Check that a point is on its curve, which importing it does not. */
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

static const char *fault_of_ec(const struct jwt_key *key)
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

/* Copy a number as exactly `exactly` bytes; if that is 0, as it is without leading zeros. */
static bool copy_number(struct slice number, size_t exactly, size_t size, uint8_t *bytes,
                        size_t *len)
{
    while (number.len > exactly && number.at[0] == '\0')
        number = (struct slice){ number.at + 1, number.len - 1 };
    size_t pad = exactly > number.len ? exactly - number.len : 0;
    *len = number.len + pad;
    if (*len > size || (exactly > 0 && *len != exactly))
        return false;
    memset(bytes, 0, pad);
    if (number.len > 0)
        memcpy(bytes + pad, number.at, number.len);
    return true;
}

static bool copy_numbers(enum jwt_key_type type, struct slice first, struct slice second,
                         struct jwt_key *key)
{
    size_t exactly = types[type].coordinate;

    if (type == JWT_KEY_SECRET) { /* leading zeros are part of a secret */
        key->first_len = first.len;
        if (first.len <= sizeof(key->first))
            memcpy(key->first, first.at, first.len);
        return first.len <= sizeof(key->first);
    }
    if (type == JWT_KEY_ED25519)
        return first.len == exactly &&
               copy_number(first, exactly, sizeof(key->first), key->first, &key->first_len);
    return copy_number(first, exactly, sizeof(key->first), key->first, &key->first_len) &&
           copy_number(second, exactly, exactly > 0 ? exactly : EXPONENT_MAX, key->second,
                       &key->second_len);
}

const char *jwt_key_init(enum jwt_key_type type, struct slice first, struct slice second,
                         struct jwt_key *key)
{
    *key = (struct jwt_key){ .type = type };
    if (!copy_numbers(type, first, second, key))
        return type == JWT_KEY_RSA || type == JWT_KEY_SECRET ?
                   "this key is too large: at most 8192 bits" :
                   "this is no key: it is of a wrong length";
    return types[type].fault(key);
}

const char *jwt_key_type_name(enum jwt_key_type type)
{
    return types[type].name;
}

bool jwt_key_type_of_crv(struct slice crv, enum jwt_key_type *type)
{
    for (*type = JWT_KEY_P256; *type <= JWT_KEY_ED25519; ++*type)
        if (slice_is(crv, types[*type].name))
            return true;
    return false;
}

bool jwt_key_type_of_curve(gnutls_ecc_curve_t curve, enum jwt_key_type *type)
{
    for (*type = JWT_KEY_P256; *type <= JWT_KEY_ED25519; ++*type)
        if (types[*type].curve == curve)
            return true;
    return false;
}
