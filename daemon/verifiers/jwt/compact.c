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

/* Takes what is before the next full stop off the front. */
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

    if (value.len > JWT_VALUE_MAX || !take_part(&rest, &parts->header) || parts->header.len == 0 ||
        !take_part(&rest, &parts->claims) || !is_base64url(rest))
        return false;
    parts->signature = rest;
    parts->signed_text = (struct slice){ value.at, value.len - rest.len - 1 };
    return true;
}

bool jwt_base64url(struct slice text, uint8_t *bytes, size_t room, size_t *len)
{
    *len = 0;
    return text.len == 0 || sodium_base642bin(bytes, room, text.at, text.len, NULL, len, NULL,
                                              sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0;
}
