/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/record.h"

#include "proto/scopes.h"
#include "proto/stamp.h"
#include "proto/token.h"
#include "proto/verdict.h"

static const char *text_fault(struct slice text, size_t max, const char *too_long)
{
    if (text.len > max)
        return too_long;
    if (!utf8_valid(text))
        return "not valid UTF-8";
    if (text.len > 0 && memchr(text.at, '\0', text.len) != NULL)
        return "NUL is not allowed";
    return NULL;
}

/* Replace a text, and move those behind it. */
static void replace(struct record *r, struct slice old, uint16_t *len, struct slice text)
{
    char *to = r->texts + (old.at - r->texts);
    size_t behind = (size_t)r->subject_len + r->scopes_len + r->description_len -
                    (size_t)(old.at + old.len - r->texts);

    if (old.len != text.len && behind > 0)
        memmove(to + text.len, to + old.len, behind);
    if (text.len > 0)
        memcpy(to, text.at, text.len);
    *len = (uint16_t)text.len;
}

const char *record_set_subject(struct record *r, struct slice subject)
{
    const char *fault = text_fault(subject, SUBJECT_MAX, "a subject has at most 256 bytes");

    if (fault == NULL)
        replace(r, record_subject(r), &r->subject_len, subject);
    return fault;
}

const char *record_set_description(struct record *r, struct slice description)
{
    const char *fault = text_fault(description, DESCRIPTION_MAX,
                                   "a description has at most 1024 bytes");

    if (fault == NULL)
        replace(r, record_description(r), &r->description_len, description);
    return fault;
}

const char *record_set_scopes(struct record *r, struct slice words)
{
    char buffer[SCOPES_TEXT_MAX];
    struct text set = text_in(buffer, sizeof(buffer));
    const char *fault = scopes_normalise(words, &set);

    if (fault == NULL)
        replace(r, record_scopes(r), &r->scopes_len, text_slice(&set));
    return fault;
}

uint32_t record_flags(const struct record *r)
{
    return SLOT_PRESENT | (r->revoked != 0 ? SLOT_REVOKED : 0) |
           (r->disabled != 0 ? SLOT_DISABLED : 0);
}

int64_t record_ended(const struct record *r)
{
    return r->revoked != 0 && r->revoked < r->expires ? r->revoked : r->expires;
}

bool record_is_denied(const struct record *r)
{
    return r->revoked != 0 || r->disabled != 0 || r->own_end != 0 || r->rotated != 0;
}

int64_t record_own_end(const struct record *r)
{
    return r->own_end > r->expires ? r->own_end : r->expires;
}

void record_key(const uint8_t id[ID_SIZE], char key[RECORD_KEY_SIZE])
{
    struct text t = text_in(key, RECORD_KEY_SIZE);

    text_adds(&t, RECORD_KEY);
    text_add_hex(&t, id, ID_SIZE);
}

bool record_key_parse(struct slice key, uint8_t id[ID_SIZE])
{
    size_t head = sizeof(RECORD_KEY) - 1;

    return key.len == RECORD_KEY_SIZE && slice_begins(key, RECORD_KEY) &&
           hex_parse((struct slice){ key.at + head, ID_TEXT }, id, ID_SIZE);
}

static void put_time_if(struct text *t, const char *key, int64_t time, int64_t unless)
{
    if (time != unless)
        line_put_time(t, key, time);
}

static void put_if(struct text *t, const char *key, struct slice value)
{
    if (value.len > 0)
        line_put(t, key, value);
}

void record_put_claims(struct text *t, const struct record *r)
{
    put_time_if(t, "activates", r->activates, TIME_ALWAYS);
    put_time_if(t, "expires", r->expires, TIME_NEVER);
    put_if(t, "subject", record_subject(r));
    put_if(t, "scopes", record_scopes(r));
    put_if(t, "description", record_description(r));
}

void record_put_history(struct text *t, const struct record *r)
{
    put_time_if(t, "revoked", r->revoked, 0);
    put_time_if(t, "disabled", r->disabled, 0);
    if (r->has_replaces) {
        text_adds(t, " replaces=");
        text_add_hex(t, r->replaces, ID_SIZE);
    }
    if (r->own_end == TIME_NEVER)
        line_puts(t, "own_end", "never");
    else
        put_time_if(t, "own_end", r->own_end, 0);
    put_time_if(t, "rotated", r->rotated, 0);
    if (r->has_signed) {
        text_adds(t, " signed=");
        text_add_hex(t, r->signed_part, DIGEST_SIZE);
    }
}

void record_put_state(struct text *t, const struct record *r, int64_t now)
{
    enum status state = verdict_state(record_flags(r), r->activates, r->expires, now);

    line_puts(t, "state", state == STATUS_OK ? "active" : status_row(state)->word);
}

struct slice record_write(struct text *t, const struct record *r)
{
    text_adds(t, "v=");
    text_add_u64(t, RECORD_VERSION);
    line_put_u64(t, "serial", r->serial);
    text_adds(t, " digest=");
    text_add_hex(t, r->digest, DIGEST_SIZE);
    line_put_time(t, "created", r->created);
    text_adds(t, " by=uid:");
    text_add_u64(t, r->by);
    record_put_history(t, r);
    size_t claims = t->len;
    record_put_claims(t, r);
    return (struct slice){ t->at + claims, t->len - claims };
}

/* How to read one field of the stored line into the record. */
struct field {
    struct slice key;
    bool (*read)(struct record *r, struct slice value);
};

static bool read_version(struct record *r, struct slice v)
{
    (void)r;
    return slice_is(v, "1");
}

static bool read_serial(struct record *r, struct slice v)
{
    return number_parse(v, UINT64_MAX, &r->serial);
}

static bool read_digest(struct record *r, struct slice v)
{
    return hex_parse(v, r->digest, DIGEST_SIZE);
}

static bool read_created(struct record *r, struct slice v)
{
    return stamp_parse(v, &r->created);
}

bool record_by_parse(struct slice v, uid_t *by)
{
    uint64_t uid;

    if (!slice_begins(v, "uid:") ||
        !number_parse((struct slice){ v.at + 4, v.len - 4 }, UINT32_MAX, &uid))
        return false;
    *by = (uid_t)uid;
    return true;
}

static bool read_by(struct record *r, struct slice v)
{
    return record_by_parse(v, &r->by);
}

/* Read the date of a denial.  0 would mean none, but what is denied stays so even if the clock was
 * wrong. */
static bool read_denied(struct slice v, int64_t *time)
{
    bool ok = stamp_parse(v, time);

    if (ok && *time == 0)
        *time = 1;
    return ok;
}

static bool read_revoked(struct record *r, struct slice v)
{
    return read_denied(v, &r->revoked);
}

static bool read_disabled(struct record *r, struct slice v)
{
    return read_denied(v, &r->disabled);
}

static bool read_replaces(struct record *r, struct slice v)
{
    r->has_replaces = true;
    return token_id_parse(v, r->replaces);
}

static bool read_own_end(struct record *r, struct slice v)
{
    r->own_end = TIME_NEVER;
    return slice_is(v, "never") || stamp_parse(v, &r->own_end);
}

static bool read_rotated(struct record *r, struct slice v)
{
    return read_denied(v, &r->rotated);
}

static bool read_signed(struct record *r, struct slice v)
{
    r->has_signed = true;
    return hex_parse(v, r->signed_part, DIGEST_SIZE);
}

static bool read_activates(struct record *r, struct slice v)
{
    return stamp_parse(v, &r->activates);
}

static bool read_expires(struct record *r, struct slice v)
{
    return stamp_parse(v, &r->expires);
}

static bool read_subject(struct record *r, struct slice v)
{
    return record_set_subject(r, v) == NULL;
}

static bool read_scopes(struct record *r, struct slice v)
{
    return record_set_scopes(r, v) == NULL;
}

static bool read_description(struct record *r, struct slice v)
{
    return record_set_description(r, v) == NULL;
}

static const struct field fields[] = {
    { SLICE("v"), read_version },
    { SLICE("serial"), read_serial },
    { SLICE("digest"), read_digest },
    { SLICE("created"), read_created },
    { SLICE("by"), read_by }, /* those up to here are required */
    { SLICE("revoked"), read_revoked },
    { SLICE("disabled"), read_disabled },
    { SLICE("replaces"), read_replaces },
    { SLICE("own_end"), read_own_end },
    { SLICE("rotated"), read_rotated },
    { SLICE("signed"), read_signed },
    { SLICE("activates"), read_activates },
    { SLICE("expires"), read_expires },
    { SLICE("subject"), read_subject },
    { SLICE("scopes"), read_scopes },
    { SLICE("description"), read_description },
};

enum { FIELDS = sizeof(fields) / sizeof(fields[0]), FIELDS_NEEDED = 5 };

/* Search from where the last field was found: they mostly come in the table's order. */
static int field_named(struct slice key, int from)
{
    for (int i = 0; i < FIELDS; i++) {
        int at = (from + i) % FIELDS;
        if (slice_equal(key, fields[at].key))
            return at;
    }
    return -1;
}

/* Trim eight bytes at a time, as there are often a hundred spaces. */
struct slice record_trimmed(struct slice stored)
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

const char *record_parse(struct record *r, const uint8_t id[ID_SIZE], struct slice stored)
{
    char bytes[RECORD_LINE_MAX];
    struct line line;
    const char *why;
    uint32_t seen = 0;
    int next = 0;

    stored = record_trimmed(stored);
    if (stored.len > sizeof(bytes))
        return "longer than any record";
    memcpy(bytes, stored.at, stored.len);
    if (line_parse(bytes, stored.len, &line, &why) != STATUS_OK)
        return why;
    record_clear(r);
    r->expires = TIME_NEVER;
    for (size_t i = 0; i < line.count; i++) {
        int at = field_named(line.argument[i].key, next);
        if (at < 0)
            return "a field this version does not know";
        if ((seen & 1u << at) != 0 || !fields[at].read(r, line.argument[i].value))
            return at == 0 ? "a record of a newer version" : "a field that does not parse";
        seen |= 1u << at;
        next = at + 1;
    }
    if ((~seen & ((1u << FIELDS_NEEDED) - 1)) != 0)
        return "a field is missing";
    return memcmp(r->digest, id, ID_SIZE) == 0 ? NULL : "its digest does not begin with its id";
}
