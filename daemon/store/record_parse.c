/* SPDX-License-Identifier: Apache-2.0 */
/* Read a stored line, field by field. */
#include "daemon/store/record.h"
#include "daemon/store/stored_line.h"
#include "proto/stamp.h"

static bool read_serial(void *serial, struct slice v)
{
    return number_parse(v, UINT64_MAX, serial);
}

/* Read the date of a denial.  0 would mean none, but what is denied stays so even if the clock was
 * wrong. */
static bool read_denied(void *member, struct slice v)
{
    int64_t *time = member;
    bool ok = stamp_parse(v, time);

    if (ok && *time == 0)
        *time = 1;
    return ok;
}

static bool read_owner(void *record, struct slice v)
{
    struct record *r = record;

    r->has_owner = true;
    return stored_uid(&r->owner, v);
}

static bool read_replaces(void *record, struct slice v)
{
    struct record *r = record;

    r->has_replaces = true;
    return token_id_parse(v, r->replaces);
}

static bool read_replaced_by(void *record, struct slice v)
{
    struct record *r = record;

    r->has_replaced_by = true;
    return token_id_parse(v, r->replaced_by);
}

static bool read_revoked_by(void *record, struct slice v)
{
    struct record *r = record;

    r->has_revoked_by = true;
    return stored_uid(&r->revoked_by, v);
}

static bool read_disabled_by(void *record, struct slice v)
{
    struct record *r = record;

    r->has_disabled_by = true;
    return stored_uid(&r->disabled_by, v);
}

static bool read_own_end(void *member, struct slice v)
{
    *(int64_t *)member = TIME_NEVER;
    return slice_is(v, "never") || stamp_parse(v, member);
}

static bool read_signed(void *record, struct slice v)
{
    struct record *r = record;

    r->has_signed = true;
    return hex_parse(v, r->signed_part, DIGEST_SIZE);
}

static bool read_subject(void *record, struct slice v)
{
    return record_set_subject(record, v) == NULL;
}

static bool read_scopes(void *record, struct slice v)
{
    return record_set_scopes(record, v) == NULL;
}

static bool read_description(void *record, struct slice v)
{
    return record_set_description(record, v) == NULL;
}

static bool read_group(void *record, struct slice v)
{
    return v.len > 0 && record_set_group(record, v) == NULL;
}

static bool read_origin(void *record, struct slice v)
{
    return record_set_origin(record, v) == NULL;
}

#define AT(member) offsetof(struct record, member)

static const struct stored_field fields[] = {
    { SLICE("v"), stored_version, 0 },
    { SLICE("serial"), read_serial, AT(serial) },
    { SLICE("digest"), stored_digest, AT(digest) },
    { SLICE("created"), stored_time, AT(created) },
    { SLICE("by"), stored_uid, AT(by) }, /* those up to here are required */
    { SLICE("digest_alg"), record_read_digest_alg, AT(digest_alg) },
    { SLICE("revoked"), read_denied, AT(revoked) },
    { SLICE("revoked_by"), read_revoked_by, 0 },
    { SLICE("disabled"), read_denied, AT(disabled) },
    { SLICE("disabled_by"), read_disabled_by, 0 },
    { SLICE("owner"), read_owner, 0 },
    { SLICE("replaces"), read_replaces, 0 },
    { SLICE("replaced_by"), read_replaced_by, 0 },
    { SLICE("own_end"), read_own_end, AT(own_end) },
    { SLICE("rotated"), read_denied, AT(rotated) },
    { SLICE("rotated_end"), read_own_end, AT(rotated_end) },
    { SLICE("signed"), read_signed, 0 },
    { SLICE("activates"), stored_time, AT(activates) },
    { SLICE("expires"), stored_time, AT(expires) },
    { SLICE("subject"), read_subject, 0 },
    { SLICE("scopes"), read_scopes, 0 },
    { SLICE("description"), read_description, 0 },
    { SLICE("group"), read_group, 0 },
    { SLICE("origin"), read_origin, 0 },
};

const char *record_parse(struct record *r, const uint8_t id[ID_SIZE], struct slice stored)
{
    static const struct stored_fields known = { fields, sizeof(fields) / sizeof(fields[0]), 5,
                                                "a record of a newer version" };

    record_clear(r);
    r->expires = TIME_NEVER;
    const char *why = stored_line_read(&known, stored, r);
    if (why != NULL)
        return why;
    return memcmp(r->digest, id, ID_SIZE) == 0 ? NULL : "its digest does not begin with its id";
}
