/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/list_filter.h"

#include "proto/fleet.h"
#include "proto/scopes.h"
#include "proto/stamp.h"
#include "proto/verdict.h"

/* -- reading --------------------------------------------------------------------------------- */

static const char not_a_time[] = "this should be a time such as 2027-01-31T12:00:00Z, or a day";
static const char not_a_duration[] = "this should be a duration such as 30s, 15m, 12h, 90d or 1y";

/* Read a time, or a day, which is the time at which it begins in UTC. */
static const char *read_time(struct slice v, int64_t *time)
{
    static const char day[] = "2027-01-31", midnight[] = "T00:00:00Z";
    char whole[STAMP_TEXT];

    if (v.len == sizeof(day) - 1) {
        memcpy(whole, v.at, v.len);
        memcpy(whole + v.len, midnight, sizeof(midnight) - 1);
        v = (struct slice){ whole, sizeof(whole) };
    }
    return stamp_parse(v, time) ? NULL : not_a_time;
}

static const char *read_duration(struct slice v, int64_t *seconds)
{
    return duration_parse(v, seconds) ? NULL : not_a_duration;
}

static const char *read_state(struct list_filter *f, struct slice v)
{
    static const enum status states[] = {
        STATUS_PENDING,
        STATUS_EXPIRED,
        STATUS_DISABLED,
        STATUS_REVOKED,
    };

    f->state = STATUS_OK;
    if (slice_is(v, "active"))
        return NULL;
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
        if (slice_is(v, status_row(states[i])->word))
            f->state = states[i];
    return f->state != STATUS_OK ? NULL :
                                   "a state is active, pending, expired, disabled or revoked";
}

static const char *copy_text(char *to, uint16_t *to_len, size_t size, struct slice v)
{
    if (v.len > size)
        return "longer than any token has it";
    if (v.len > 0)
        memcpy(to, v.at, v.len);
    *to_len = (uint16_t)v.len;
    return NULL;
}

static const char *read_subject(struct list_filter *f, struct slice v)
{
    return copy_text(f->subject, &f->subject_len, sizeof(f->subject), v);
}

static const char *read_scope(struct list_filter *f, struct slice v)
{
    const char *fault = v.len == 0 ? "name at least one scope" : scopes_fault(v);

    return fault != NULL ? fault : copy_text(f->scopes, &f->scopes_len, sizeof(f->scopes), v);
}

static const char *read_match(struct list_filter *f, struct slice v)
{
    return copy_text(f->match, &f->match_len, sizeof(f->match), v);
}

static const char *read_group(struct list_filter *f, struct slice v)
{
    const char *fault = fleet_name_fault(v);

    return fault != NULL ? fault : copy_text(f->group, &f->group_len, sizeof(f->group), v);
}

static const char *read_origin(struct list_filter *f, struct slice v)
{
    const char *fault = fleet_name_fault(v);

    return fault != NULL ? fault : copy_text(f->origin, &f->origin_len, sizeof(f->origin), v);
}

static const char *read_by(struct list_filter *f, struct slice v)
{
    static const char kind[] = "uid:";
    uint64_t uid;

    if (slice_begins(v, kind))
        v = (struct slice){ v.at + sizeof(kind) - 1, v.len - (sizeof(kind) - 1) };
    if (!number_parse(v, UINT32_MAX, &uid))
        return "who created it is given as uid:1000";
    f->by = (uid_t)uid;
    return NULL;
}

static const char *read_created_after(struct list_filter *f, struct slice v)
{
    return read_time(v, &f->created_after);
}

static const char *read_created_before(struct list_filter *f, struct slice v)
{
    return read_time(v, &f->created_before);
}

static const char *read_expires_before(struct list_filter *f, struct slice v)
{
    return read_time(v, &f->expires_before);
}

static const char *read_expires_within(struct list_filter *f, struct slice v)
{
    return read_duration(v, &f->expires_within);
}

static const char *read_unused_for(struct list_filter *f, struct slice v)
{
    return read_duration(v, &f->unused_for);
}

static const char *read_never_used(struct list_filter *f, struct slice v)
{
    f->never_used = slice_is(v, "yes");
    return f->never_used || slice_is(v, "no") ? NULL : "yes or no";
}

/* Whether a token breaks one is judged by scan_policy.c. */
static const char *read_policy(struct list_filter *f, struct slice v)
{
    (void)f;
    return slice_is(v, "violated") ? NULL : "this can only be violated";
}

static const char *(*const readers[KEY_COUNT])(struct list_filter *f, struct slice v) = {
    [KEY_STATE] = read_state,
    [KEY_SUBJECT] = read_subject,
    [KEY_SCOPE] = read_scope,
    [KEY_MATCH] = read_match,
    [KEY_GROUP] = read_group,
    [KEY_ORIGIN] = read_origin,
    [KEY_BY] = read_by,
    [KEY_CREATED_AFTER] = read_created_after,
    [KEY_CREATED_BEFORE] = read_created_before,
    [KEY_EXPIRES_BEFORE] = read_expires_before,
    [KEY_EXPIRES_WITHIN] = read_expires_within,
    [KEY_UNUSED_FOR] = read_unused_for,
    [KEY_NEVER_USED] = read_never_used,
    [KEY_POLICY] = read_policy,
};

bool list_filter_read(struct list_filter *f, enum key key, struct slice value, const char **fault)
{
    *fault = NULL;
    if (readers[key] == NULL)
        return false;
    *fault = readers[key](f, value);
    if (key != KEY_MATCH || value.len > 0) /* the empty text is everywhere */
        f->given |= KEY_BIT(key);
    return true;
}

/* -- judging --------------------------------------------------------------------------------- */

static bool given(const struct list_filter *f, enum key key)
{
    return (f->given & KEY_BIT(key)) != 0;
}

bool list_filter_asks_use(const struct list_filter *f)
{
    return given(f, KEY_UNUSED_FOR) || given(f, KEY_NEVER_USED);
}

bool list_filter_asks_record(const struct list_filter *f)
{
    return given(f, KEY_MATCH) || given(f, KEY_POLICY) || given(f, KEY_ORIGIN) ||
           (given(f, KEY_GROUP) && f->group_len > 0);
}

static bool state_excludes(const struct list_filter *f, const struct list_facts *t, int64_t now)
{
    enum status state = verdict_state(t->flags, t->activates, t->expires, now);

    if (given(f, KEY_STATE))
        return state != f->state;
    return (f->but_revoked && state == STATUS_REVOKED) || (f->but_expired && t->expires <= now);
}

static bool expiry_excludes(const struct list_filter *f, int64_t expires, int64_t now)
{
    if (given(f, KEY_EXPIRES_BEFORE) && expires >= f->expires_before)
        return true;
    return given(f, KEY_EXPIRES_WITHIN) && (expires <= now || expires > now + f->expires_within);
}

bool list_filter_ends_at(const struct list_filter *f, int64_t created)
{
    return given(f, KEY_CREATED_BEFORE) && created >= f->created_before;
}

bool list_filter_begins_behind(const struct list_filter *f, int64_t created)
{
    return given(f, KEY_CREATED_AFTER) && created < f->created_after;
}

static bool creation_excludes(const struct list_filter *f, const struct list_facts *t)
{
    return list_filter_begins_behind(f, t->created) || list_filter_ends_at(f, t->created) ||
           (given(f, KEY_BY) && t->by != f->by);
}

bool list_filter_use_excludes(const struct list_filter *f, int64_t used, int64_t now)
{
    if (given(f, KEY_UNUSED_FOR) && used > now - f->unused_for)
        return true;
    return given(f, KEY_NEVER_USED) && (used == 0) != f->never_used;
}

/* A token is unused from its creation, or from when it became active. */
static bool is_too_young(const struct list_filter *f, const struct list_facts *t, int64_t now)
{
    int64_t since = t->activates > t->created ? t->activates : t->created;

    return given(f, KEY_UNUSED_FOR) && since > now - f->unused_for;
}

/* Of a group, the flags show whether there is one; without one there is no origin. */
static bool fleet_excludes(const struct list_filter *f, const struct list_facts *t)
{
    if (f->but_fleet && (t->flags & SLOT_FLEET) != 0)
        return true;
    if (given(f, KEY_ORIGIN) && f->origin_len > 0 && (t->flags & SLOT_FLEET) == 0)
        return true;
    return given(f, KEY_GROUP) && (f->group_len > 0) != ((t->flags & SLOT_FLEET) != 0);
}

bool list_filter_excludes(const struct list_filter *f, const struct list_facts *t, bool use_known,
                          int64_t now)
{
    if (given(f, KEY_SUBJECT) &&
        !slice_equal(t->subject, (struct slice){ f->subject, f->subject_len }))
        return true;
    if (given(f, KEY_SCOPE) &&
        !scopes_include(t->scopes, (struct slice){ f->scopes, f->scopes_len }))
        return true;
    if (fleet_excludes(f, t) || creation_excludes(f, t) || expiry_excludes(f, t->expires, now) ||
        state_excludes(f, t, now) || is_too_young(f, t, now))
        return true;
    return (use_known || t->used != 0) && list_filter_use_excludes(f, t->used, now);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool contains(struct slice text, struct slice wanted)
{
    for (size_t at = 0; at + wanted.len <= text.len; at++) {
        size_t same = 0;
        while (same < wanted.len && lower(text.at[at + same]) == lower(wanted.at[same]))
            same++;
        if (same == wanted.len)
            return true;
    }
    return false;
}

struct list_facts list_facts_of(const struct record *r, int64_t used)
{
    return (struct list_facts){
        .created = r->created,
        .by = r->by,
        .flags = record_flags(r),
        .activates = r->activates,
        .expires = r->expires,
        .used = used,
        .subject = record_subject(r),
        .scopes = record_scopes(r),
    };
}

bool list_filter_matches(const struct list_filter *f, const struct record *r, int64_t used,
                         int64_t now)
{
    const struct slice match = { f->match, f->match_len };
    const struct list_facts facts = list_facts_of(r, used);

    if (f->given == 0 && !f->but_revoked && !f->but_expired && !f->but_fleet)
        return true;
    if (given(f, KEY_GROUP) &&
        !slice_equal(record_group(r), (struct slice){ f->group, f->group_len }))
        return false;
    if (given(f, KEY_ORIGIN) &&
        !slice_equal(record_origin(r), (struct slice){ f->origin, f->origin_len }))
        return false;
    return !list_filter_excludes(f, &facts, true, now) &&
           (contains(record_description(r), match) || contains(record_subject(r), match));
}
