/* SPDX-License-Identifier: Apache-2.0 */
/* Parse JSON from untrusted sources.  Pure. */
#ifndef JETON_DAEMON_VERIFIERS_JWT_JSON_H
#define JETON_DAEMON_VERIFIERS_JWT_JSON_H

#include <jansson.h>

#include "proto/text.h"

enum jwt_json_status {
    JWT_JSON_OK,
    JWT_JSON_INVALID,   /* not a JSON object */
    JWT_JSON_DUPLICATE, /* an object in it has two members of one name */
    JWT_JSON_NO_MEMORY,
};

/* Parse a text that is one JSON object, at most JWT_JSON_DEPTH levels deep.  *object is set only
 * with JWT_JSON_OK; the caller releases it. */
enum { JWT_JSON_DEPTH = 16 };
enum jwt_json_status jwt_json_parse(struct slice text, json_t **object);

/* Return a string's bytes; { NULL, 0 } for NULL and for anything but a string. */
struct slice jwt_json_string(const json_t *string);

/* Read a NumericDate (RFC 7519), which is any JSON number, as whole seconds.  False: it is not a
 * number, or not within ten thousand years of 1970. */
bool jwt_json_numeric_date(const json_t *number, bool round_up, int64_t *seconds);

#endif
