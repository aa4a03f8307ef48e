/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/fleet/place.h"

bool place_of_row(struct slice serial, struct slice uuid, struct fleet_place *place)
{
    char digits[2 * FLEET_NONCE_SIZE];
    size_t len = 0;

    *place = (struct fleet_place){ 0 };
    for (size_t i = 0; i < uuid.len; i++) {
        if (uuid.at[i] == '-')
            continue;
        if (len == sizeof(digits))
            return false;
        digits[len++] = uuid.at[i];
    }
    return number_parse(serial, INT64_MAX, &place->serial) && place->serial > 0 &&
           hex_parse((struct slice){ digits, len }, place->nonce, FLEET_NONCE_SIZE);
}

void place_put_uuid(struct text *t, const struct fleet_place *place)
{
    static const unsigned groups[] = { 4, 2, 2, 2, 6 };
    const uint8_t *at = place->nonce;

    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); at += groups[i++]) {
        if (i > 0)
            text_addc(t, '-');
        text_add_hex(t, at, groups[i]);
    }
}
