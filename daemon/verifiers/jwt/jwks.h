/* SPDX-License-Identifier: Apache-2.0 */
/* JSON Web Key Sets (RFC 7517): files with the keys of an identity provider. */
#ifndef JETON_DAEMON_VERIFIERS_JWT_JWKS_H
#define JETON_DAEMON_VERIFIERS_JWT_JWKS_H

#include "daemon/verifiers/jwt/key_set.h"

/* Add the keys of the file that verify signatures by accepted algorithms, and ignore the others, as
 * section 5 of the RFC asks for.  Return NULL, or what is wrong with the file: a constant, or in
 * `error`.  With NULL, `error` is a warning: which keys are ignored because they are private,
 * secret, weak or broken, or that no key is of use; or "". */
const char *jwt_jwks_add(struct jwt_key_set *set, const char *path, char error[JWT_KEY_SET_ERROR]);

#endif
