/* SPDX-License-Identifier: Apache-2.0 */
/* A key that verifies signatures.
 *
 * It is plain bytes, constant once read, so that all threads may share it.  A GnuTLS key object
 * must not be used by two threads at a time; each verification creates its own, which costs a
 * microsecond next to the 30 to 800 of the verification. */
#ifndef JETON_DAEMON_VERIFIERS_JWT_KEY_H
#define JETON_DAEMON_VERIFIERS_JWT_KEY_H

#include "daemon/verifiers/jwt/alg.h"

enum {
    JWT_KID_MAX = 256,
    JWT_KEY_BYTES_MAX = 1024, /* RSA up to 8192 bits */
    JWT_SECRET_MIN = 32,
};

struct jwt_key {
    enum jwt_key_type type;
    const struct jwt_alg *only_alg; /* the key's own alg; NULL: any of its type */
    bool has_kid;
    char kid[JWT_KID_MAX + 1];
    size_t first_len, second_len;
    uint8_t first[JWT_KEY_BYTES_MAX]; /* RSA n; EC x; Ed25519 public key; the secret */
    uint8_t second[72];               /* RSA e; EC y */
};

enum jwt_signature { JWT_SIGNATURE_VALID, JWT_SIGNATURE_INVALID, JWT_SIGNATURE_ERROR };

/* Verify a signature of the text; `alg` is for the key's type.  JWT_SIGNATURE_ERROR: GnuTLS could
 * not tell, for example without memory. */
enum jwt_signature jwt_key_verify(const struct jwt_key *key, const struct jwt_alg *alg,
                                  struct slice text, struct slice signature);

/* True for an ECDSA signature (r, s) with s above half of the curve's order.  Of each signature there
 * is one such form and one other, (r, order - s), which is as valid. */
bool jwt_key_has_high_s(const struct jwt_alg *alg, struct slice signature);

/* Make a key from its numbers, most significant byte first, with or without leading zeros.  Return
 * NULL, or what is wrong with them: too weak, too large, or not a key. */
const char *jwt_key_init(enum jwt_key_type type, struct slice first, struct slice second,
                         struct jwt_key *key);

const char *jwt_key_type_name(enum jwt_key_type type);

/* Find the key type of a curve, by its crv (RFC 7518, RFC 8037) or by GnuTLS's number. */
bool jwt_key_type_of_crv(struct slice crv, enum jwt_key_type *type);
bool jwt_key_type_of_curve(gnutls_ecc_curve_t curve, enum jwt_key_type *type);

#endif
