/* SPDX-License-Identifier: Apache-2.0 */
/* JSON from somebody who is not trusted.  Pure. */
#ifndef JETON_DAEMON_VERIFIERS_JWT_JSON_H
#define JETON_DAEMON_VERIFIERS_JWT_JSON_H

#include <jansson.h>

#include "proto/text.h"

enum jwt_json {
    JWT_JSON_READ,
    JWT_JSON_NONE,  /* this is no JSON object */
    JWT_JSON_TWICE, /* it is, but some object of it has two members of one name */
    JWT_JSON_NO_MEMORY,
};

/* Reads one JSON object that is the whole text and at most JWT_JSON_DEPTH levels deep.  Only with
 * JWT_JSON_READ *object is set, and the caller's to release. */
enum { JWT_JSON_DEPTH = 16 };
enum jwt_json jwt_json_object(struct slice text, json_t **object);

/* A string's bytes; { NULL, 0 } for NULL and for what is no string. */
struct slice jwt_json_text(const json_t *string);

/* A NumericDate (RFC 7519): any JSON number.  Whole seconds, rounded down or up.  False if it is no
 * number, or none within ten thousand years of 1970. */
bool jwt_json_time(const json_t *number, bool up, int64_t *seconds);

#endif
