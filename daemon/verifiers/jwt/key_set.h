/* SPDX-License-Identifier: Apache-2.0 */
/* The key set of one verifier.  Filled by the thread that opens it, and constant afterwards. */
#ifndef JETON_DAEMON_VERIFIERS_JWT_KEY_SET_H
#define JETON_DAEMON_VERIFIERS_JWT_KEY_SET_H

#include "daemon/verifiers/jwt/key.h"

enum {
    JWT_KEY_SET_MAX = 32, /* and so many are tried for one signature at most */
};

struct jwt_key_set {
    uint32_t algorithms; /* those that are accepted: jwt_alg_bit() */
    size_t count;
    struct jwt_key key[JWT_KEY_SET_MAX];
};

/* Add the key of a file (of a set of keys: jwks.h).  Return NULL, or what is wrong with it: a
 * constant, or in `error`. */
enum { JWT_KEY_SET_ERROR = 400 };
const char *jwt_key_set_add_pem(struct jwt_key_set *set, const char *path,
                                char error[JWT_KEY_SET_ERROR]);
const char *jwt_key_set_add_secret(struct jwt_key_set *set, const char *path,
                                   char error[JWT_KEY_SET_ERROR]);

/* True if the key verifies signatures by an accepted algorithm. */
bool jwt_key_set_accepts(const struct jwt_key_set *set, const struct jwt_key *key);

/* The fault of a file whose keys do not all fit. */
extern const char jwt_key_set_full[];

/* Verify a signature of the text with each key that fits.  With a kid, keys that have it are tried
 * first, then those without one, and keys that have another are not. */
enum jwt_signature jwt_key_set_verify(const struct jwt_key_set *set, const struct jwt_alg *alg,
                                      const char *kid, struct slice text, struct slice signature);

#endif
