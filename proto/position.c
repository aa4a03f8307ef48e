/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/position.h"

bool position_is_epoch(struct slice text)
{
    size_t digits = 0;

    while (digits < text.len && ((text.at[digits] >= '0' && text.at[digits] <= '9') ||
                                 (text.at[digits] >= 'a' && text.at[digits] <= 'f')))
        digits++;
    return digits == text.len && digits == EPOCH_TEXT;
}

bool position_parse(struct slice text, struct position *position)
{
    struct position parsed = { .serial = 0 };
    const char *colon = text.len > 0 ? memchr(text.at, ':', text.len) : NULL;

    if (colon != NULL) {
        struct slice epoch = { text.at, (size_t)(colon - text.at) };
        if (!position_is_epoch(epoch))
            return false;
        memcpy(parsed.epoch, epoch.at, EPOCH_TEXT);
        text = (struct slice){ colon + 1, text.len - EPOCH_TEXT - 1 };
    }
    if (!number_parse(text, UINT64_MAX - 1, &parsed.serial))
        return false;
    *position = parsed;
    return true;
}
