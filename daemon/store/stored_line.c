/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/stored_line.h"

#include "proto/stamp.h"

bool stored_version(void *member, struct slice v)
{
    (void)member;
    return slice_is(v, "1");
}

bool stored_time(void *member, struct slice v)
{
    return stamp_parse(v, member);
}

bool stored_uid(void *member, struct slice v)
{
    uint64_t uid;

    if (!slice_begins(v, "uid:") ||
        !number_parse((struct slice){ v.at + 4, v.len - 4 }, UINT32_MAX, &uid))
        return false;
    *(uid_t *)member = (uid_t)uid;
    return true;
}

bool stored_digest(void *member, struct slice v)
{
    return hex_parse(v, member, DIGEST_SIZE);
}

/* Trim eight bytes at a time, as there are often a hundred spaces. */
struct slice stored_line_trimmed(struct slice stored)
{
    uint64_t last;

    for (; stored.len >= sizeof(last); stored.len -= sizeof(last)) {
        memcpy(&last, stored.at + stored.len - sizeof(last), sizeof(last));
        if (last != UINT64_C(0x2020202020202020))
            break;
    }
    while (stored.len > 0 && stored.at[stored.len - 1] == ' ')
        stored.len--;
    return stored;
}

/* Search from where the last field was found: they mostly come in the table's order. */
static size_t field_named(const struct stored_fields *fields, struct slice key, size_t from)
{
    for (size_t i = 0; i < fields->count; i++) {
        size_t at = (from + i) % fields->count;
        if (slice_equal(key, fields->field[at].key))
            return at;
    }
    return fields->count;
}

const char *stored_line_read(const struct stored_fields *fields, struct slice stored, void *into)
{
    char bytes[STORED_LINE_MAX];
    struct line line;
    const char *why;
    uint32_t seen = 0, needed = (UINT32_C(1) << fields->needed) - 1;
    size_t next = 0;

    stored = stored_line_trimmed(stored);
    if (stored.len > sizeof(bytes))
        return "longer than any record";
    memcpy(bytes, stored.at, stored.len);
    if (line_parse(bytes, stored.len, &line, &why) != STATUS_OK)
        return why;
    for (size_t i = 0; i < line.count; i++) {
        const struct argument *a = &line.argument[i];
        size_t at = field_named(fields, a->key, next);
        if (at == fields->count)
            return "a field this version does not know";
        const struct stored_field *field = &fields->field[at];
        if ((seen & UINT32_C(1) << at) != 0 || !field->read((char *)into + field->offset, a->value))
            return at == 0 ? fields->newer : "a field that does not parse";
        seen |= UINT32_C(1) << at;
        next = at + 1;
    }
    return (seen & needed) == needed ? NULL : "a field is missing";
}
