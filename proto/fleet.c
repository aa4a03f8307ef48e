/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/fleet.h"

static const char none[] = "none";

bool fleet_place_parse(struct slice text, struct fleet_place *place)
{
    const char *colon = text.len > 0 ? memchr(text.at, ':', text.len) : NULL;

    *place = (struct fleet_place){ 0 };
    if (colon == NULL)
        return slice_is(text, none);
    size_t digits = (size_t)(colon - text.at);
    return number_parse((struct slice){ text.at, digits }, INT64_MAX, &place->serial) &&
           place->serial > 0 && text.len - digits - 1 == (size_t)2 * FLEET_NONCE_SIZE &&
           hex_parse((struct slice){ colon + 1, text.len - digits - 1 }, place->nonce,
                     FLEET_NONCE_SIZE);
}

void fleet_place_put(struct text *t, const struct fleet_place *place)
{
    if (place->serial == 0) {
        text_adds(t, none);
        return;
    }
    text_add_u64(t, place->serial);
    text_adds(t, ":");
    text_add_hex(t, place->nonce, FLEET_NONCE_SIZE);
}

bool fleet_place_equal(const struct fleet_place *a, const struct fleet_place *b)
{
    return a->serial == b->serial && memcmp(a->nonce, b->nonce, FLEET_NONCE_SIZE) == 0;
}

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

const char *fleet_name_fault(struct slice name)
{
    if (name.len > GROUP_MAX)
        return "a name of the fleet has at most 64 bytes";
    for (size_t i = 0; i < name.len; i++)
        if (!is_name_byte(name.at[i]) || (i == 0 && (name.at[i] == '-' || name.at[i] == '.')))
            return "a name of the fleet has letters, digits, `.`, `_` and `-` only";
    return NULL;
}
