/* SPDX-License-Identifier: Apache-2.0 */
/* One JSON Web Key (RFC 7517, RFC 7518 section 6, RFC 8037). */
#ifndef JETON_DAEMON_VERIFIERS_JWT_JWK_H
#define JETON_DAEMON_VERIFIERS_JWT_JWK_H

#include <jansson.h>

#include "daemon/verifiers/jwt/key.h"

/* False: it is not one that signatures are checked with here; *fault says so if there is something
 * wrong with it, and is left alone if it is only for another purpose.  x5u, x5c and the like are
 * not looked at. */
bool jwt_jwk_read(const json_t *jwk, struct jwt_key *key, const char **fault);

#endif
