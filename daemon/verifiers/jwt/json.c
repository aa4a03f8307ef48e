/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verifiers/jwt/json.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

#include "proto/stamp.h"

/* Jansson recurses to a depth of 2048, which is more than a small stack bears. */
static bool is_shallow(struct slice text)
{
    size_t depth = 0;
    bool quoted = false;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '{' || c == '[') && ++depth > JWT_JSON_DEPTH)
            return false;
        else if (!quoted && (c == '}' || c == ']') && depth > 0)
            depth--;
    }
    return true;
}

/* ["   ",TEXT] with as many spaces as the text has bytes.  Jansson gathers each token in a buffer
 * that grows, and where there is no memory for that it drops a byte and goes on: a subject could
 * lose its end.  The spaces make it grow once and for all, and if they are all there, it did. */
static char *pad(struct slice text, size_t *len)
{
    char *padded = malloc(2 * text.len + 5);

    if (padded == NULL)
        return NULL;
    memcpy(padded, "[\"", 2);
    memset(padded + 2, ' ', text.len);
    memcpy(padded + 2 + text.len, "\",", 2);
    memcpy(padded + 4 + text.len, text.at, text.len);
    padded[4 + 2 * text.len] = ']';
    *len = 2 * text.len + 5;
    return padded;
}

static enum jwt_json fault_of(const json_error_t *error)
{
    /* Jansson calls a string for which there was no memory a syntax error: errno knows better. */
    if (errno == ENOMEM || json_error_code(error) == json_error_out_of_memory)
        return JWT_JSON_NO_MEMORY;
    return json_error_code(error) == json_error_duplicate_key ? JWT_JSON_TWICE : JWT_JSON_NONE;
}

enum jwt_json jwt_json_object(struct slice text, json_t **object)
{
    json_error_t error;
    size_t len;
    enum jwt_json read = JWT_JSON_NONE;

    if (text.len == 0 || !is_shallow(text))
        return JWT_JSON_NONE;
    char *padded = pad(text, &len);
    if (padded == NULL)
        return JWT_JSON_NO_MEMORY;
    errno = 0;
    json_t *both = json_loadb(padded, len, JSON_REJECT_DUPLICATES, &error);
    if (both == NULL)
        read = fault_of(&error);
    else if (json_string_length(json_array_get(both, 0)) != text.len)
        read = JWT_JSON_NO_MEMORY;
    else if (json_array_size(both) == 2 && json_is_object(json_array_get(both, 1))) {
        *object = json_incref(json_array_get(both, 1));
        read = JWT_JSON_READ;
    }
    json_decref(both);
    sodium_memzero(padded, len);
    free(padded);
    return read;
}

struct slice jwt_json_text(const json_t *string)
{
    return (struct slice){ json_string_value(string), json_string_length(string) };
}

bool jwt_json_time(const json_t *number, bool up, int64_t *seconds)
{
    if (!json_is_number(number))
        return false;
    if (json_is_integer(number)) {
        *seconds = json_integer_value(number);
        return *seconds >= -STAMP_MAX && *seconds <= STAMP_MAX;
    }
    double real = json_real_value(number);
    if (!(real >= (double)-STAMP_MAX && real <= (double)STAMP_MAX))
        return false;
    *seconds = (int64_t)real; /* towards zero */
    if (up && (double)*seconds < real)
        ++*seconds;
    if (!up && (double)*seconds > real)
        --*seconds;
    return true;
}
