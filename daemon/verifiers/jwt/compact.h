/* SPDX-License-Identifier: Apache-2.0 */
/* The compact form of a signed JWT (RFC 7515, 7.1): three texts in base64url, joined by full stops.
 * Pure. */
#ifndef JETON_DAEMON_VERIFIERS_JWT_COMPACT_H
#define JETON_DAEMON_VERIFIERS_JWT_COMPACT_H

#include "proto/text.h"

enum { JWT_VALUE_MAX = 8192, JWT_BYTES_MAX = JWT_VALUE_MAX / 4 * 3 };

struct jwt_compact {
    struct slice header; /* in base64url, like the next two; not empty */
    struct slice claims;
    struct slice signature;   /* empty in a JWT that nobody signed */
    struct slice signed_text; /* header and claims as they came, with the full stop */
};

/* False if the value has another shape.  Says nothing of what the parts hold. */
bool jwt_compact_split(struct slice value, struct jwt_compact *parts);

/* Decodes base64url as RFC 7515 has it: no padding, no white space, no bits left over, so that one
 * value has one spelling.  False if it is not that, or more than `room` bytes. */
bool jwt_base64url(struct slice text, uint8_t *bytes, size_t room, size_t *len);

#endif
