/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verifiers/untrusted_json.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

#include "proto/stamp.h"

/* Limit the depth: jansson recurses up to 2048 levels, which overflows a small stack. */
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
        else if (!quoted && (c == '{' || c == '[') && ++depth > UNTRUSTED_JSON_DEPTH)
            return false;
        else if (!quoted && (c == '}' || c == ']') && depth > 0)
            depth--;
    }
    return true;
}

/* Make ["   ",TEXT], with as many spaces as the text has bytes.  Jansson collects each token in a
 * growing buffer, and when that cannot grow it silently drops bytes: a subject could lose its end.
 * The spaces make the buffer grow to its final size first, and are counted afterwards. */
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

static enum untrusted_json_status status_of(const json_error_t *error)
{
    /* Jansson reports a syntax error when a string does not fit into memory; errno tells. */
    if (errno == ENOMEM || json_error_code(error) == json_error_out_of_memory)
        return UNTRUSTED_JSON_NO_MEMORY;
    return json_error_code(error) == json_error_duplicate_key ? UNTRUSTED_JSON_DUPLICATE :
                                                                UNTRUSTED_JSON_INVALID;
}

enum untrusted_json_status untrusted_json_parse(struct slice text, json_t **object)
{
    json_error_t error;
    size_t len;
    enum untrusted_json_status status = UNTRUSTED_JSON_INVALID;

    if (text.len == 0 || !is_shallow(text))
        return UNTRUSTED_JSON_INVALID;
    char *padded = pad(text, &len);
    if (padded == NULL)
        return UNTRUSTED_JSON_NO_MEMORY;
    errno = 0;
    json_t *array = json_loadb(padded, len, JSON_REJECT_DUPLICATES, &error);
    if (array == NULL)
        status = status_of(&error);
    else if (json_string_length(json_array_get(array, 0)) != text.len)
        status = UNTRUSTED_JSON_NO_MEMORY;
    else if (json_array_size(array) == 2 && json_is_object(json_array_get(array, 1))) {
        *object = json_incref(json_array_get(array, 1));
        status = UNTRUSTED_JSON_OK;
    }
    json_decref(array);
    sodium_memzero(padded, len);
    free(padded);
    return status;
}

struct slice untrusted_json_string(const json_t *string)
{
    return (struct slice){ json_string_value(string), json_string_length(string) };
}

bool untrusted_json_numeric_date(const json_t *number, bool round_up, int64_t *seconds)
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
    if (round_up && (double)*seconds < real)
        ++*seconds;
    if (!round_up && (double)*seconds > real)
        --*seconds;
    return true;
}
