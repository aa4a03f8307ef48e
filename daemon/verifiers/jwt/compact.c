/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verifiers/jwt/compact.h"

#include <sodium.h>

static bool is_base64url(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!letter && !(c >= '0' && c <= '9') && c != '-' && c != '_')
            return false;
    }
    return true;
}

/* Remove the part before the next full stop from `rest`. */
static bool take_part(struct slice *rest, struct slice *part)
{
    const char *stop = rest->len > 0 ? memchr(rest->at, '.', rest->len) : NULL;

    if (stop == NULL)
        return false;
    *part = (struct slice){ rest->at, (size_t)(stop - rest->at) };
    *rest = (struct slice){ stop + 1, rest->len - part->len - 1 };
    return is_base64url(*part);
}

bool jwt_compact_split(struct slice value, struct jwt_compact *parts)
{
    struct slice rest = value;

    if (value.len > JWT_COMPACT_MAX || !take_part(&rest, &parts->header) ||
        parts->header.len == 0 || !take_part(&rest, &parts->payload) || !is_base64url(rest))
        return false;
    parts->signature = rest;
    parts->signing_input = (struct slice){ value.at, value.len - rest.len - 1 };
    return true;
}

bool jwt_base64url_decode(struct slice text, uint8_t *bytes, size_t size, size_t *len)
{
    *len = 0;
    return text.len == 0 || sodium_base642bin(bytes, size, text.at, text.len, NULL, len, NULL,
                                              sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0;
}
