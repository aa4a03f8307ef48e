/* SPDX-License-Identifier: Apache-2.0 */
/* The signature algorithms (RFC 7518, RFC 8037), and the type of key that each one takes.  Pure.
 *
 * No row is for "none", and none takes two types of key: an algorithm determines the key type. */
#ifndef JETON_DAEMON_VERIFIERS_JWT_ALG_H
#define JETON_DAEMON_VERIFIERS_JWT_ALG_H

#include <gnutls/gnutls.h>

#include "proto/text.h"

/* A key type (kty), with its curve (crv) where it has one. */
enum jwt_key_type {
    JWT_KEY_RSA,
    JWT_KEY_P256,
    JWT_KEY_P384,
    JWT_KEY_P521,
    JWT_KEY_ED25519,
    JWT_KEY_SECRET,
};

struct jwt_alg {
    const char *name;
    enum jwt_key_type type;
    gnutls_sign_algorithm_t sign; /* GNUTLS_SIGN_UNKNOWN: libsodium verifies the signature */
};

/* Return NULL if there is no algorithm of this name.  Names are compared byte for byte. */
const struct jwt_alg *jwt_alg_find(struct slice name);

/* Sets of algorithms: one bit for each. */
enum { JWT_ALG_SET_TEXT = 80 };
uint32_t jwt_alg_bit(const struct jwt_alg *alg);
uint32_t jwt_alg_set_for(enum jwt_key_type type);
bool jwt_alg_set_parse(struct slice names, uint32_t *set); /* separated by commas */
void jwt_alg_set_format(uint32_t set, char names[JWT_ALG_SET_TEXT]);

#endif
