/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verifiers/introspect/token_syntax.h"

enum { JWT_STOPS = 2, JWE_STOPS = 4 };

static bool is_visible(struct slice value)
{
    for (size_t i = 0; i < value.len; i++)
        if (value.at[i] <= ' ' || value.at[i] > '~')
            return false;
    return true;
}

/* True for a value that begins like JSON in base64url, and has as many parts as a JWT or JWE. */
static bool is_jose(struct slice value)
{
    size_t stops = 0;

    for (size_t i = 0; i < value.len; i++)
        stops += value.at[i] == '.';
    return slice_begins(value, "eyJ") && (stops == JWT_STOPS || stops == JWE_STOPS);
}

/* Check a part by its length, its characters, and the bits of the last one that must be 0. */
static bool is_canonical(struct slice part)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    static const size_t unused[] = { 0, 0, 0xf, 3 };
    size_t last = 0;

    for (size_t i = 0; i < part.len; i++) {
        const char *digit = memchr(digits, part.at[i], sizeof(digits) - 1);
        if (digit == NULL)
            return false;
        last = (size_t)(digit - digits);
    }
    return part.len % 4 != 1 && (last & unused[part.len % 4]) == 0;
}

static bool parts_are_canonical(struct slice rest)
{
    for (;;) {
        const char *stop = rest.len > 0 ? memchr(rest.at, '.', rest.len) : NULL;
        size_t len = stop != NULL ? (size_t)(stop - rest.at) : rest.len;
        if (!is_canonical((struct slice){ rest.at, len }))
            return false;
        if (stop == NULL)
            return true;
        rest = (struct slice){ stop + 1, rest.len - len - 1 };
    }
}

bool token_syntax_is_valid(struct slice value, size_t max)
{
    return value.len > 0 && value.len <= max && is_visible(value) &&
           (!is_jose(value) || parts_are_canonical(value));
}
