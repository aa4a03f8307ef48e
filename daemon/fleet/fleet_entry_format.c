/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/fleet/fleet_entry_format.h"

#include <endian.h>

#include "proto/scopes.h"

enum {
    DELETED = 1 << 0,
    SERIAL = 1 << 1,
    ACTIVATES = 1 << 2,
    EXPIRES = 1 << 3,
    REVOKED = 1 << 4,
    DISABLED = 1 << 5,
    OWN_END = 1 << 6,
    ROTATED = 1 << 7,
    ROTATED_END = 1 << 8,
    OWNER = 1 << 9,
    SHA256 = 1 << 10,
    REPLACES = 1 << 11,
    REPLACED_BY = 1 << 12,
    REVOKED_BY = 1 << 13,
    DISABLED_BY = 1 << 14,
    SIGNED = 1 << 15,
    SUBJECT = 1 << 16,
    SCOPES = 1 << 17,
    DESCRIPTION = 1 << 18,
    GROUP = 1 << 19,
    ORIGIN = 1 << 20,
    FIELDS = (1 << 21) - 1,
    NUMBER_MAX = 10, /* bytes of a number */
};

/* Everything but texts, and the texts. */
_Static_assert(DIGEST_SIZE + 4 + 19 * NUMBER_MAX + 2 * ID_SIZE + DIGEST_SIZE + RECORD_TEXTS_MAX <=
                   FLEET_ENTRY_MAX,
               "the largest entry");

/* The times, each with the value that it has where it is absent. */
static const struct {
    uint32_t field;
    size_t at;
    int64_t usual;
} times[] = {
    { ACTIVATES, offsetof(struct record, activates), TIME_ALWAYS },
    { EXPIRES, offsetof(struct record, expires), TIME_NEVER },
    { REVOKED, offsetof(struct record, revoked), 0 },
    { DISABLED, offsetof(struct record, disabled), 0 },
    { OWN_END, offsetof(struct record, own_end), 0 },
    { ROTATED, offsetof(struct record, rotated), 0 },
    { ROTATED_END, offsetof(struct record, rotated_end), 0 },
};

enum { TIMES = sizeof(times) / sizeof(times[0]) };

static int64_t *time_of(const struct record *r, size_t at)
{
    return (int64_t *)(void *)((char *)(uintptr_t)r + at);
}

/* -- writing ---------------------------------------------------------------------------------- */

static uint32_t if_set(bool set, uint32_t field)
{
    return set ? field : 0;
}

static uint32_t fields_of(const struct fleet_entry *e)
{
    const struct record *r = &e->record;
    uint32_t fields = if_set(e->deleted, DELETED) | if_set(r->serial != 0, SERIAL) |
                      if_set(r->has_owner, OWNER) |
                      if_set(r->digest_alg == DIGEST_ALG_SHA256, SHA256) |
                      if_set(r->has_replaces, REPLACES) | if_set(r->has_replaced_by, REPLACED_BY) |
                      if_set(r->has_revoked_by, REVOKED_BY) |
                      if_set(r->has_disabled_by, DISABLED_BY) | if_set(r->has_signed, SIGNED) |
                      if_set(r->subject_len > 0, SUBJECT) | if_set(r->scopes_len > 0, SCOPES) |
                      if_set(r->description_len > 0, DESCRIPTION) |
                      if_set(r->group_len > 0, GROUP) | if_set(r->origin_len > 0, ORIGIN);

    for (size_t i = 0; i < TIMES; i++)
        fields |= if_set(*time_of(r, times[i].at) != times[i].usual, times[i].field);
    return fields;
}

static void put_number(struct text *t, uint64_t number)
{
    uint8_t bytes[NUMBER_MAX];
    size_t len = 0;

    for (; number >= 0x80; number >>= 7)
        bytes[len++] = (uint8_t)(number | 0x80);
    bytes[len++] = (uint8_t)number;
    text_add(t, bytes, len);
}

static void put_time(struct text *t, int64_t time)
{
    put_number(t, ((uint64_t)time << 1) ^ (time < 0 ? UINT64_MAX : 0));
}

static void put_number_if(struct text *t, bool has, uint64_t number)
{
    if (has)
        put_number(t, number);
}

static void put_bytes_if(struct text *t, bool has, const uint8_t *bytes, size_t len)
{
    if (has)
        text_add(t, bytes, len);
}

static void put_texts(struct text *t, const struct record *r)
{
    put_number_if(t, r->subject_len > 0, r->subject_len);
    put_number_if(t, r->scopes_len > 0, r->scopes_len);
    put_number_if(t, r->description_len > 0, r->description_len);
    put_number_if(t, r->group_len > 0, r->group_len);
    put_number_if(t, r->origin_len > 0, r->origin_len);
    text_add(t, r->texts, record_texts_len(r));
}

void fleet_entry_write(struct text *t, const struct fleet_entry *entry)
{
    const struct record *r = &entry->record;
    const uint32_t fields = htole32(fields_of(entry));

    text_add(t, r->digest, DIGEST_SIZE);
    text_add(t, &fields, sizeof(fields));
    put_time(t, r->created);
    put_number(t, r->by);
    put_number_if(t, r->serial != 0, r->serial);
    for (size_t i = 0; i < TIMES; i++)
        if (*time_of(r, times[i].at) != times[i].usual)
            put_time(t, *time_of(r, times[i].at));
    put_number_if(t, r->has_owner, r->owner);
    put_bytes_if(t, r->has_replaces, r->replaces, ID_SIZE);
    put_bytes_if(t, r->has_replaced_by, r->replaced_by, ID_SIZE);
    put_number_if(t, r->has_revoked_by, r->revoked_by);
    put_number_if(t, r->has_disabled_by, r->disabled_by);
    put_bytes_if(t, r->has_signed, r->signed_part, DIGEST_SIZE);
    put_texts(t, r);
}

/* -- reading ---------------------------------------------------------------------------------- */

/* What is left, and whether all was right so far. */
struct reading {
    const uint8_t *at;
    size_t left;
    uint32_t fields;
    bool wrong;
};

static void take(struct reading *r, void *bytes, size_t len)
{
    if (r->wrong || len > r->left) {
        r->wrong = true;
        return;
    }
    memcpy(bytes, r->at, len);
    r->at += len;
    r->left -= len;
}

static uint64_t take_number(struct reading *r, uint64_t max)
{
    uint64_t number = 0;
    size_t len = 0;
    uint8_t byte = 0x80;

    for (; (byte & 0x80) != 0 && len < r->left && len < NUMBER_MAX; len++) {
        byte = r->at[len];
        number |= (uint64_t)(byte & 0x7f) << 7 * len;
    }
    if (r->wrong || (byte & 0x80) != 0 || (len > 1 && byte == 0) ||
        (len == NUMBER_MAX && byte > 1) || number > max) {
        r->wrong = true;
        return 0;
    }
    r->at += len;
    r->left -= len;
    return number;
}

static int64_t take_time(struct reading *r)
{
    uint64_t number = take_number(r, UINT64_MAX);

    return (int64_t)(number >> 1 ^ ((number & 1) != 0 ? UINT64_MAX : 0));
}

static bool has(const struct reading *r, uint32_t field)
{
    return (r->fields & field) != 0;
}

/* Read a number if it is there; otherwise it is 0. */
static uint64_t take_if(struct reading *r, uint32_t field, uint64_t max)
{
    return has(r, field) ? take_number(r, max) : 0;
}

static void take_times(struct reading *r, struct record *record)
{
    for (size_t i = 0; i < TIMES; i++) {
        int64_t *time = time_of(record, times[i].at);
        *time = has(r, times[i].field) ? take_time(r) : times[i].usual;
        r->wrong = r->wrong || (has(r, times[i].field) && *time == times[i].usual);
    }
}

static void take_who(struct reading *r, struct record *record)
{
    record->has_owner = has(r, OWNER);
    record->owner = (uid_t)take_if(r, OWNER, UINT32_MAX);
    record->has_replaces = has(r, REPLACES);
    if (record->has_replaces)
        take(r, record->replaces, ID_SIZE);
    record->has_replaced_by = has(r, REPLACED_BY);
    if (record->has_replaced_by)
        take(r, record->replaced_by, ID_SIZE);
    record->has_revoked_by = has(r, REVOKED_BY);
    record->revoked_by = (uid_t)take_if(r, REVOKED_BY, UINT32_MAX);
    record->has_disabled_by = has(r, DISABLED_BY);
    record->disabled_by = (uid_t)take_if(r, DISABLED_BY, UINT32_MAX);
    record->has_signed = has(r, SIGNED);
    if (record->has_signed)
        take(r, record->signed_part, DIGEST_SIZE);
}

static size_t take_length(struct reading *r, uint32_t field, size_t max)
{
    size_t len = (size_t)take_if(r, field, max);

    r->wrong = r->wrong || (has(r, field) && len == 0);
    return len;
}

static struct slice take_slice(struct reading *r, size_t len)
{
    struct slice s = { (const char *)r->at, len };

    r->at += len;
    r->left -= len;
    return s;
}

/* Scopes are saved as a set, and written into lines as they are. */
static bool is_set(struct slice scopes)
{
    char bytes[SCOPES_TEXT_MAX];
    struct text set = text_in(bytes, sizeof(bytes));

    return scopes.len == 0 ||
           (scopes_normalise(scopes, &set) == NULL && slice_equal(text_slice(&set), scopes));
}

static const char *take_texts(struct reading *r, struct record *record)
{
    const size_t subject = take_length(r, SUBJECT, SUBJECT_MAX),
                 scopes = take_length(r, SCOPES, SCOPES_TEXT_MAX),
                 description = take_length(r, DESCRIPTION, DESCRIPTION_MAX),
                 group = take_length(r, GROUP, GROUP_MAX),
                 origin = take_length(r, ORIGIN, GROUP_MAX);

    if (r->wrong || subject + scopes + description + group + origin != r->left)
        return "an entry is not whole";
    if (group == 0)
        return "an entry has no group";
    const char *why = record_set_subject(record, take_slice(r, subject));
    struct slice set = take_slice(r, scopes);
    if (why == NULL && !is_set(set))
        why = "scopes that are no set";
    why = why != NULL ? why : record_set_scopes(record, set);
    why = why != NULL ? why : record_set_description(record, take_slice(r, description));
    why = why != NULL ? why : record_set_group(record, take_slice(r, group));
    return why != NULL ? why : record_set_origin(record, take_slice(r, origin));
}

const char *fleet_entry_read(struct fleet_entry *entry, struct slice bytes)
{
    struct reading r = { .at = (const uint8_t *)bytes.at, .left = bytes.len };
    struct record *record = &entry->record;

    record_clear(record);
    take(&r, record->digest, DIGEST_SIZE);
    take(&r, &r.fields, sizeof(r.fields));
    r.fields = le32toh(r.fields);
    entry->deleted = has(&r, DELETED);
    entry->enables = false;
    record->digest_alg = has(&r, SHA256) ? DIGEST_ALG_SHA256 : DIGEST_ALG_OWN;
    record->created = take_time(&r);
    record->by = (uid_t)take_number(&r, UINT32_MAX);
    record->serial = take_if(&r, SERIAL, UINT64_MAX);
    take_times(&r, record);
    take_who(&r, record);
    if (r.wrong || (r.fields & ~(uint32_t)FIELDS) != 0 || (has(&r, SERIAL) && record->serial == 0))
        return "an entry is not whole";
    return take_texts(&r, record);
}

bool fleet_entry_bytes_deleted(struct slice bytes)
{
    return (bytes.at[DIGEST_SIZE] & DELETED) != 0;
}
