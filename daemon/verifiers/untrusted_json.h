/* SPDX-License-Identifier: Apache-2.0 */
/* Parse JSON from untrusted sources, for verifiers in shared objects: jetond itself does not have
 * jansson.  Pure. */
#ifndef JETON_DAEMON_VERIFIERS_UNTRUSTED_JSON_H
#define JETON_DAEMON_VERIFIERS_UNTRUSTED_JSON_H

#include <jansson.h>

#include "proto/text.h"

enum untrusted_json_status {
    UNTRUSTED_JSON_OK,
    UNTRUSTED_JSON_INVALID,   /* not a JSON object */
    UNTRUSTED_JSON_DUPLICATE, /* an object in it has two members of one name */
    UNTRUSTED_JSON_NO_MEMORY,
};

/* Parse a text that is one JSON object, at most UNTRUSTED_JSON_DEPTH levels deep.  *object is set only
 * with UNTRUSTED_JSON_OK; the caller releases it. */
enum { UNTRUSTED_JSON_DEPTH = 16 };
enum untrusted_json_status untrusted_json_parse(struct slice text, json_t **object);

/* Return a string's bytes; { NULL, 0 } for NULL and for anything but a string. */
struct slice untrusted_json_string(const json_t *string);

/* Read a NumericDate (RFC 7519), which is any JSON number, as whole seconds.  False: it is not a
 * number, or not within ten thousand years of 1970. */
bool untrusted_json_numeric_date(const json_t *number, bool round_up, int64_t *seconds);

#endif
