/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verifiers/jwt_json.h"

#include <errno.h>

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

enum jwt_json jwt_json_object(struct slice text, json_t **object)
{
    json_error_t error;

    if (!is_shallow(text))
        return JWT_JSON_NONE;
    errno = 0;
    json_t *read = json_loadb(text.at, text.len, JSON_REJECT_DUPLICATES, &error);
    if (json_is_object(read)) {
        *object = read;
        return JWT_JSON_READ;
    }
    json_decref(read);
    /* Jansson calls a string for which there was no memory a syntax error: errno knows better. */
    if (read == NULL && (errno == ENOMEM || json_error_code(&error) == json_error_out_of_memory))
        return JWT_JSON_NO_MEMORY;
    if (read == NULL && json_error_code(&error) == json_error_duplicate_key)
        return JWT_JSON_TWICE;
    return JWT_JSON_NONE;
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
    *seconds = (int64_t)real;           /* towards zero */
    if (up && (double)*seconds < real)
        ++*seconds;
    if (!up && (double)*seconds > real)
        --*seconds;
    return true;
}
