/* SPDX-License-Identifier: Apache-2.0 */
/* A key that signatures are checked with.
 *
 * It is plain bytes, which no thread changes once they are read.  GnuTLS says of its own key
 * objects that one must be used by one thread at a time; so each check makes its own, which takes
 * a microsecond beside the 30 to 800 of the check. */
#ifndef JETON_DAEMON_VERIFIERS_JWT_KEY_H
#define JETON_DAEMON_VERIFIERS_JWT_KEY_H

#include "daemon/verifiers/jwt/alg.h"

enum {
    JWT_KID_MAX = 256,
    JWT_NUMBER_MAX = 1024, /* bytes: RSA up to 8192 bits */
    JWT_SECRET_MIN = 32,
};

struct jwt_key {
    enum jwt_kind kind;
    const struct jwt_alg *only; /* what it may be used with; NULL: any of its kind */
    bool has_kid;
    char kid[JWT_KID_MAX + 1];
    size_t first_len, second_len;
    uint8_t first[JWT_NUMBER_MAX]; /* RSA n; EC x; Ed25519 public key; the secret */
    uint8_t second[72];            /* RSA e; EC y */
};

enum jwt_said { JWT_SIGNED, JWT_SIGNED_NOT, JWT_TROUBLE };

/* Did this key sign the text?  `alg` is of the key's kind. */
enum jwt_said jwt_key_check(const struct jwt_key *key, const struct jwt_alg *alg, struct slice text,
                            struct slice signature);

/* Makes *key out of numbers, most significant byte first, that are given with or without zeros in
 * front.  NULL; or what is wrong with them: too weak, too large, or no such key at all. */
const char *jwt_key_make(enum jwt_kind kind, struct slice first, struct slice second,
                         struct jwt_key *key);

const char *jwt_kind_name(enum jwt_kind kind);

/* The kind that is a curve of this name (RFC 7518, RFC 8037) or of this number; false: none. */
bool jwt_kind_of_name(struct slice curve, enum jwt_kind *kind);
bool jwt_kind_of_curve(gnutls_ecc_curve_t curve, enum jwt_kind *kind);

#endif
