/* SPDX-License-Identifier: Apache-2.0 */
/* The signature algorithms there are (RFC 7518, RFC 8037), and the kind of key that each is for.
 * Pure.  There is no row for none, and none for two kinds of key: whoever has an
 * algorithm has the one kind of key that it may be used with. */
#ifndef JETON_DAEMON_VERIFIERS_JWT_ALG_H
#define JETON_DAEMON_VERIFIERS_JWT_ALG_H

#include <gnutls/gnutls.h>

#include "proto/text.h"

enum jwt_kind {
    JWT_RSA,
    JWT_P256,
    JWT_P384,
    JWT_P521,
    JWT_ED25519,
    JWT_SECRET,
};

struct jwt_alg {
    const char *name;
    enum jwt_kind kind;
    gnutls_sign_algorithm_t sign; /* for GnuTLS, where that checks the signature */
};

/* NULL if there is none of this name.  Names are compared byte for byte. */
const struct jwt_alg *jwt_alg_named(struct slice name);

/* Sets of algorithms: one bit for each. */
enum { JWT_ALGS_TEXT = 80 };
uint32_t jwt_alg_bit(const struct jwt_alg *alg);
uint32_t jwt_algs_of_kind(enum jwt_kind kind);
bool jwt_algs_read(struct slice names, uint32_t *set); /* joined by commas */
void jwt_algs_write(uint32_t set, char names[JWT_ALGS_TEXT]);

#endif
