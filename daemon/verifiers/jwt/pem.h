/* SPDX-License-Identifier: Apache-2.0 */
/* Public keys and certificates in PEM. */
#ifndef JETON_DAEMON_VERIFIERS_JWT_PEM_H
#define JETON_DAEMON_VERIFIERS_JWT_PEM_H

#include "daemon/verifiers/jwt/key.h"

/* Read a text with one public key or one certificate.  Of a certificate only the key counts,
 * neither its dates nor its issuer.  Return NULL, or what is wrong with the text. */
const char *jwt_pem_parse(struct slice text, struct jwt_key *key);

#endif
