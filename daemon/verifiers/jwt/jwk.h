/* SPDX-License-Identifier: Apache-2.0 */
/* A JSON Web Key (RFC 7517, RFC 7518 section 6, RFC 8037). */
#ifndef JETON_DAEMON_VERIFIERS_JWT_JWK_H
#define JETON_DAEMON_VERIFIERS_JWT_JWK_H

#include <jansson.h>

#include "daemon/verifiers/jwt/key.h"

/* Read a public key for signatures.  False: *fault says what is wrong with it, or is unchanged if
 * the key is only meant for another use, or of a type that is not known here.  x5u, x5c and the like are ignored. */
bool jwt_jwk_parse(const json_t *jwk, struct jwt_key *key, const char **fault);

#endif
