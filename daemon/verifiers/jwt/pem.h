/* SPDX-License-Identifier: Apache-2.0 */
/* Public keys and certificates in PEM. */
#ifndef JETON_DAEMON_VERIFIERS_JWT_PEM_H
#define JETON_DAEMON_VERIFIERS_JWT_PEM_H

#include "daemon/verifiers/jwt/key.h"

/* Reads a text that holds one key or one certificate, of which only the key counts: neither its
 * dates nor who signed it.  NULL, or what is wrong with the text. */
const char *jwt_pem_read(struct slice text, struct jwt_key *key);

#endif
