/* SPDX-License-Identifier: Apache-2.0 */
/* Decide which values a server is asked about.  Pure. */
#ifndef JETON_DAEMON_VERIFIERS_INTROSPECT_TOKEN_SYNTAX_H
#define JETON_DAEMON_VERIFIERS_INTROSPECT_TOKEN_SYNTAX_H

#include "proto/text.h"

/* True for 1 to `max` bytes of visible ASCII, without space: a server may trim what surrounds a
 * token, and a denial here is of the text.  Of a JWT or JWE only the form that encoders write is a
 * token: decoders may ignore padding and stray bits of base64url. */
bool token_syntax_is_valid(struct slice value, size_t max);

#endif
