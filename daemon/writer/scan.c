/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/scan.h"

#include <stdlib.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/writer/bulk.h"
#include "daemon/writer/fleet_request.h"
#include "daemon/writer/list_fields.h"
#include "proto/token.h"

static const char *read_id(struct scan *s, struct slice v)
{
    if (!token_id_parse(v, s->id))
        return "an identifier is 20 hex digits";
    s->entries.has_id = true;
    memcpy(s->entries.id, s->id, ID_SIZE);
    return NULL;
}

/* A list goes on behind a token, or at a place in its order, which next= gave. */
static const char *read_place(struct scan *s, struct slice v)
{
    s->has_position = list_key_parse(v, s->sort, &s->position);
    if (s->has_position)
        return NULL;
    if (s->sort == LIST_BY_CREATION)
        return token_id_parse(v, s->id) ? NULL : "this should be what next= gave, or an identifier";
    return "this should be what next= gave in the same order";
}

static const char *read_after(struct scan *s, struct slice v)
{
    if (s->verb == VERB_LIST) /* when sort= is known */
        return NULL;
    return position_parse(v, &s->entry) ?
               NULL :
               "a serial is a number, alone or after an epoch of 16 hex digits and a colon";
}

static const char *read_limit(struct scan *s, struct slice v)
{
    return number_parse(v, UINT64_MAX, &s->limit) && s->limit > 0 ? NULL :
                                                                    "a limit is a number from 1";
}

/* How many tokens are to be changed. */
static const char *read_count(struct scan *s, struct slice v)
{
    return number_parse(v, UINT64_MAX, &s->limit) ? NULL : "a count is a number";
}

static const char *read_sort(struct scan *s, struct slice v)
{
    return list_sort_parse(v, &s->sort) ? NULL : "created, expires, used or subject";
}

static const char *read_order(struct scan *s, struct slice v)
{
    s->back = slice_is(v, "desc");
    return s->back || slice_is(v, "asc") ? NULL : "asc or desc";
}

static const char *read_fields(struct scan *s, struct slice v)
{
    const char *fault = list_fields_read(v, &s->fields);

    if (fault == NULL && s->verb == VERB_LIST && list_fields_have_names(s->fields))
        fault = "a list does not look up names of users: ask for by, revoked_by, disabled_by or "
                "refused_by, or show a token";
    return fault;
}

/* -- of journal -------------------------------------------------------------------------------- */

static const char *read_subject(struct scan *s, struct slice v)
{
    const char *fault;

    list_filter_read(&s->filter, KEY_SUBJECT, v, &fault);
    s->entries.has_subject = true;
    s->entries.subject = (struct slice){ s->filter.subject, s->filter.subject_len };
    return fault;
}

static const char *read_event(struct scan *s, struct slice v)
{
    return journal_filter_read_event(&s->entries, v);
}

static const char *read_by(struct scan *s, struct slice v)
{
    return journal_filter_read_by(&s->entries, v);
}

static const char *read_since(struct scan *s, struct slice v)
{
    s->entries.has_since = true;
    return journal_filter_read_time(v, clock_wall(), &s->entries.since);
}

static const char *read_until(struct scan *s, struct slice v)
{
    s->entries.has_until = true;
    return journal_filter_read_time(v, clock_wall(), &s->entries.until);
}

/* -- all of them ------------------------------------------------------------------------------- */

static const char *(*const readers[KEY_COUNT])(struct scan *s, struct slice v) = {
    [KEY_ID] = read_id,          [KEY_AFTER] = read_after,     [KEY_LIMIT] = read_limit,
    [KEY_SORT] = read_sort,      [KEY_ORDER] = read_order,     [KEY_FIELDS] = read_fields,
    [KEY_HOW_MANY] = read_count, [KEY_SUBJECT] = read_subject, [KEY_EVENT] = read_event,
    [KEY_BY] = read_by,          [KEY_SINCE] = read_since,     [KEY_UNTIL] = read_until,
};

/* Read one key; a change's own are read by change_request.c. */
static const char *read_key(struct scan *s, enum key key, struct slice v)
{
    const char *fault = NULL;

    if ((request_filters(s->verb) & KEY_BIT(key)) != 0 &&
        list_filter_read(&s->filter, key, v, &fault))
        return fault;
    return readers[key] != NULL ? readers[key](s, v) :
                                  NULL; /* token= of a trace: see change_trace_pass() */
}

static enum status read_keys(struct scan *s, const struct request *r, struct problem *problem)
{
    const char *fault = NULL;
    enum key key = 0;

    for (; key < KEY_COUNT; key++) {
        fault = request_has(r, key) ? read_key(s, key, r->value[key]) : NULL;
        if (fault != NULL)
            break;
    }
    if (fault == NULL && s->verb == VERB_LIST && request_has(r, KEY_AFTER)) {
        key = KEY_AFTER;
        fault = read_place(s, r->value[key]);
    }
    return fault == NULL ? STATUS_OK :
                           problem_set(problem, STATUS_BAD_VALUE, "%s=: %s", key_name(key), fault);
}

struct scan *scan_new(const struct request *r, struct problem *problem)
{
    struct scan *s = aligned_alloc(_Alignof(struct scan), sizeof(*s));

    if (s == NULL) {
        problem_set(problem, STATUS_INTERNAL, "no memory");
        return NULL;
    }
    memset(s, 0, offsetof(struct scan, bytes));
    s->verb = r->verb;
    s->limit = UINT64_MAX;
    s->given = r->has;
    if (read_keys(s, r, problem) != STATUS_OK) {
        free(s);
        return NULL;
    }
    s->walk.back = s->back && s->sort == LIST_BY_CREATION;
    return s;
}

void scan_free(struct scan *s)
{
    if (s == NULL)
        return;
    list_order_free(s->order);
    bulk_free(s->bulk);
    fleet_request_free(s->fleet);
    if (s->backup.has_descriptor)
        close(s->backup.descriptor);
    free(s);
}

/* -- which tokens are meant ------------------------------------------------------------------- */

void scan_confine(struct scan *s, struct slice user, uid_t uid)
{
    s->own = true;
    s->uid = uid;
    s->user_len = (uint16_t)user.len;
    memcpy(s->user, user.at, user.len);
    s->walk.back = false; /* the index by subject has one direction */
}

struct slice scan_user(const struct scan *s)
{
    return (struct slice){ s->user, s->user_len };
}

bool scan_may_show(const struct scan *s, const struct record *r)
{
    return !s->own || record_belongs_to(r, scan_user(s), s->uid);
}
