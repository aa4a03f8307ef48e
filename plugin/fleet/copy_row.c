/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/fleet/copy_row.h"

enum { SIGNATURE = 11, NUMBER = 4, SHORT = 2 };

/* Of the head's flags, those that must be known to who reads it. */
#define FLAGS_CRITICAL UINT32_C(0xffff0000)

static bool take(struct slice *bytes, size_t len, struct slice *taken)
{
    if (len > bytes->len)
        return false;
    *taken = (struct slice){ bytes->at, len };
    bytes->at += len;
    bytes->len -= len;
    return true;
}

/* Take a number of so many bytes, the most significant one first. */
static bool take_number(struct slice *bytes, size_t len, uint32_t *number)
{
    struct slice taken;

    if (!take(bytes, len, &taken))
        return false;
    *number = 0;
    for (size_t i = 0; i < len; i++)
        *number = *number << 8 | (uint8_t)taken.at[i];
    return true;
}

static bool take_head(struct slice *bytes)
{
    static const char signature[] = "PGCOPY\n\377\r\n";
    struct slice taken;
    uint32_t flags, more;

    _Static_assert(sizeof(signature) == SIGNATURE, "its NUL is a part of it");
    return take(bytes, SIGNATURE, &taken) && memcmp(taken.at, signature, SIGNATURE) == 0 &&
           take_number(bytes, NUMBER, &flags) && (flags & FLAGS_CRITICAL) == 0 &&
           take_number(bytes, NUMBER, &more) && take(bytes, more, &taken);
}

static bool take_column(struct slice *bytes, struct slice *column)
{
    uint32_t len;

    if (!take_number(bytes, NUMBER, &len))
        return false;
    *column = (struct slice){ NULL, 0 };
    return len == UINT32_MAX || take(bytes, len, column);
}

enum copy_found copy_row_take(struct copy_reader *reader, struct slice *bytes,
                              struct slice *columns, unsigned count)
{
    uint32_t has;

    if (reader->ended && bytes->len > 0)
        return COPY_WRONG;
    if (bytes->len == 0)
        return COPY_NOTHING;
    if (!reader->begun) {
        reader->begun = take_head(bytes);
        return reader->begun ? copy_row_take(reader, bytes, columns, count) : COPY_WRONG;
    }
    if (!take_number(bytes, SHORT, &has))
        return COPY_WRONG;
    reader->ended = has == UINT16_MAX;
    if (reader->ended)
        return bytes->len == 0 ? COPY_NOTHING : COPY_WRONG;
    for (unsigned i = 0; has == count && i < count; i++)
        if (!take_column(bytes, &columns[i]))
            return COPY_WRONG;
    return has == count ? COPY_ROW : COPY_WRONG;
}
