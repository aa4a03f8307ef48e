/* SPDX-License-Identifier: Apache-2.0 */
/* The JWS Compact Serialization (RFC 7515, 7.1): header.payload.signature, each in base64url.
 * Pure. */
#ifndef JETON_DAEMON_VERIFIERS_JWT_COMPACT_H
#define JETON_DAEMON_VERIFIERS_JWT_COMPACT_H

#include "proto/text.h"

enum { JWT_COMPACT_MAX = 8192, JWT_COMPACT_BYTES_MAX = JWT_COMPACT_MAX / 4 * 3 };

struct jwt_compact {
    struct slice header; /* in base64url, like payload and signature; not empty */
    struct slice payload;
    struct slice signature;     /* empty in an unsecured JWT */
    struct slice signing_input; /* header and payload as received, with the full stop */
};

/* Split a value at its full stops, without decoding the parts.  False: it has another shape. */
bool jwt_compact_split(struct slice value, struct jwt_compact *parts);

/* Decode base64url as RFC 7515 defines it.  False for padding, white space and stray bits, so that
 * one value has one spelling, and for more than `size` bytes. */
bool jwt_base64url_decode(struct slice text, uint8_t *bytes, size_t size, size_t *len);

#endif
