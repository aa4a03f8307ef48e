/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/fleet_change_read.h"

#include "daemon/store/stored_line.h"
#include "proto/stamp.h"

enum { NOBODY = 65534 }; /* who made a token, where the database does not say */

static const char not_a_time[] = "this should be a time such as 2027-01-31T12:00:00Z";

/* What state= asks for, beside the dates. */
struct reading {
    struct fleet_change_want *want;
    bool revoked;
    bool disabled;
};

typedef const char *reader(struct reading *r, struct slice v);

static const char *read_digest(struct reading *r, struct slice v)
{
    return hex_parse(v, r->want->record.digest, DIGEST_SIZE) ? NULL : "a digest is 64 hex digits";
}

static const char *read_group(struct reading *r, struct slice v)
{
    return v.len == 0 ? "the name of a group" : record_set_group(&r->want->record, v);
}

static const char *read_origin(struct reading *r, struct slice v)
{
    return record_set_origin(&r->want->record, v);
}

static const char *read_state(struct reading *r, struct slice v)
{
    r->revoked = slice_is(v, "revoked");
    r->disabled = slice_is(v, "disabled");
    return r->revoked || r->disabled || slice_is(v, "active") ?
               NULL :
               "a state is active, disabled or revoked";
}

static const char *read_created(struct reading *r, struct slice v)
{
    return stamp_parse(v, &r->want->record.created) ? NULL : not_a_time;
}

static const char *read_activates(struct reading *r, struct slice v)
{
    return stamp_parse(v, &r->want->record.activates) ? NULL : not_a_time;
}

static const char *read_expires(struct reading *r, struct slice v)
{
    return slice_is(v, "never") || stamp_parse(v, &r->want->record.expires) ? NULL : not_a_time;
}

static const char *read_revoked(struct reading *r, struct slice v)
{
    int64_t *revoked = &r->want->record.revoked;

    return stamp_parse(v, revoked) && *revoked > 0 ? NULL : not_a_time;
}

static const char *read_disabled(struct reading *r, struct slice v)
{
    int64_t *disabled = &r->want->record.disabled;

    return stamp_parse(v, disabled) && *disabled > 0 ? NULL : not_a_time;
}

static const char *read_subject(struct reading *r, struct slice v)
{
    return record_set_subject(&r->want->record, v);
}

static const char *read_scopes(struct reading *r, struct slice v)
{
    return record_set_scopes(&r->want->record, v);
}

static const char *read_description(struct reading *r, struct slice v)
{
    return record_set_description(&r->want->record, v);
}

static const char *read_replaces(struct reading *r, struct slice v)
{
    r->want->record.has_replaces = true;
    return token_id_parse(v, r->want->record.replaces) ? NULL : "an identifier is 20 hex digits";
}

static const char *read_by(struct reading *r, struct slice v)
{
    return stored_uid(&r->want->record.by, v) ? NULL : "a user is given as uid:N";
}

static const char *read_enables(struct reading *r, struct slice v)
{
    r->want->enables = slice_is(v, "yes");
    return r->want->enables || slice_is(v, "no") ? NULL : "yes or no";
}

static reader *const readers[KEY_COUNT] = {
    [KEY_DIGEST] = read_digest,     [KEY_GROUP] = read_group,
    [KEY_ORIGIN] = read_origin,     [KEY_STATE] = read_state,
    [KEY_CREATED] = read_created,   [KEY_ACTIVATES] = read_activates,
    [KEY_EXPIRES] = read_expires,   [KEY_REVOKED] = read_revoked,
    [KEY_DISABLED] = read_disabled, [KEY_SUBJECT] = read_subject,
    [KEY_SCOPES] = read_scopes,     [KEY_DESCRIPTION] = read_description,
    [KEY_REPLACES] = read_replaces, [KEY_BY] = read_by,
    [KEY_ENABLES] = read_enables,
};

static enum status read_keys(struct reading *reading, const struct request *r,
                             struct problem *problem)
{
    for (uint64_t left = r->has; left != 0; left &= left - 1) {
        enum key key = (enum key)__builtin_ctzll(left);
        const char *fault = readers[key](reading, r->value[key]);
        if (fault != NULL)
            return problem_set(problem, STATUS_BAD_VALUE, "%s=: %s", key_name(key), fault);
    }
    return STATUS_OK;
}

static enum status check_given(const struct request *r, struct problem *problem)
{
    static const uint64_t needed[VERB_COUNT] = {
        [VERB_PUT] = KEY_BIT(KEY_GROUP) | KEY_BIT(KEY_CREATED),
        [VERB_DENY] = KEY_BIT(KEY_GROUP) | KEY_BIT(KEY_STATE),
    };

    if ((r->has & needed[r->verb]) == needed[r->verb])
        return STATUS_OK;
    return problem_set(problem, STATUS_MISSING, "usage: %s", verb_row(r->verb)->usage);
}

/* A date denies, whatever state= says; what denies without one, does so from now on. */
static void date_denials(const struct reading *reading, int64_t now)
{
    struct record *r = &reading->want->record;
    int64_t date = now > 0 ? now : 1;

    if (reading->revoked && r->revoked == 0)
        r->revoked = date;
    if (reading->disabled && r->disabled == 0)
        r->disabled = date;
}

enum status fleet_change_read(const struct request *r, int64_t now, struct fleet_change_want *want,
                              struct problem *problem)
{
    struct reading reading = { .want = want };
    struct record *record = &want->record;

    want->kind = r->verb == VERB_PUT  ? FLEET_CHANGE_PUT :
                 r->verb == VERB_DENY ? FLEET_CHANGE_DENY :
                                        FLEET_CHANGE_DROP;
    want->enables = false;
    record_clear(record);
    record->expires = TIME_NEVER;
    record->created = now;
    record->by = NOBODY;
    enum status status = check_given(r, problem);
    if (status == STATUS_OK)
        status = read_keys(&reading, r, problem);
    if (status != STATUS_OK)
        return status;
    date_denials(&reading, now);
    if (r->verb == VERB_DENY && record->revoked == 0 && record->disabled == 0)
        return problem_set(problem, STATUS_BAD_VALUE, "state=: a denial is revoked or disabled");
    if (record->expires <= record->activates)
        return problem_set(problem, STATUS_BAD_VALUE,
                           "the token would expire before it becomes active");
    return STATUS_OK;
}
