/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of one verifier.  Made by the thread that opens it; then nobody changes it. */
#ifndef JETON_DAEMON_VERIFIERS_JWT_KEY_SET_H
#define JETON_DAEMON_VERIFIERS_JWT_KEY_SET_H

#include "daemon/verifiers/jwt/key.h"

enum {
    JWT_KEYS_MAX = 32,
    JWT_TRIES_MAX = 8, /* keys tried for one signature */
};

struct jwt_key_set {
    uint32_t algorithms; /* those that are accepted: jwt_alg_bit() */
    size_t count;
    struct jwt_key key[JWT_KEYS_MAX];
};

/* Adds what a file holds.  NULL; or what is wrong with it, in jetond's memory or in `note`. */
enum { JWT_NOTE = 160 };
const char *jwt_key_set_add_pem(struct jwt_key_set *keys, const char *path, char note[JWT_NOTE]);
const char *jwt_key_set_add_secret(struct jwt_key_set *keys, const char *path, char note[JWT_NOTE]);

/* Adds the keys of a JSON Web Key Set (RFC 7517) that can check signatures by the algorithms that
 * are accepted; passes over the others, as RFC 7517 section 5 has it.  But a private or a secret
 * key, a weak or a broken one is a fault. */
const char *jwt_key_set_add_jwks(struct jwt_key_set *keys, const char *path, char note[JWT_NOTE]);

/* Did one of these keys sign the text?  With a kid, those that have another are not asked. */
enum jwt_said jwt_key_set_check(const struct jwt_key_set *keys, const struct jwt_alg *alg,
                                const char *kid, struct slice text, struct slice signature);

#endif
