/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/scan.h"

#include <stdlib.h>

#include "daemon/base/clock.h"
#include "proto/scopes.h"
#include "proto/token.h"

static const char *read_id(struct scan *s, struct slice v)
{
    return token_id_parse(v, s->id) ? NULL : "an identifier is 20 hex digits";
}

static const char *read_after(struct scan *s, struct slice v)
{
    if (s->verb == VERB_LIST)
        return read_id(s, v);
    return position_parse(v, &s->entry) ?
               NULL :
               "a serial is a number, alone or after an epoch of 16 hex digits and a colon";
}

static const char *read_limit(struct scan *s, struct slice v)
{
    return number_parse(v, UINT64_MAX, &s->limit) && s->limit > 0 ? NULL :
                                                                    "a limit is a number from 1";
}

static const char *read_state(struct scan *s, struct slice v)
{
    static const enum status states[] = {
        STATUS_PENDING,
        STATUS_EXPIRED,
        STATUS_DISABLED,
        STATUS_REVOKED,
    };

    s->state = STATUS_OK;
    if (slice_is(v, "active"))
        return NULL;
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
        if (slice_is(v, status_row(states[i])->word))
            s->state = states[i];
    return s->state != STATUS_OK ? NULL :
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

static const char *read_subject(struct scan *s, struct slice v)
{
    return copy_text(s->subject, &s->subject_len, sizeof(s->subject), v);
}

static const char *read_scope(struct scan *s, struct slice v)
{
    const char *fault = v.len == 0 ? "name at least one scope" : scopes_fault(v);

    return fault != NULL ? fault : copy_text(s->scopes, &s->scopes_len, sizeof(s->scopes), v);
}

static const char *read_match(struct scan *s, struct slice v)
{
    return copy_text(s->match, &s->match_len, sizeof(s->match), v);
}

static const char *read_event(struct scan *s, struct slice v)
{
    return journal_filter_read_event(&s->filter, v);
}

static const char *read_by(struct scan *s, struct slice v)
{
    return journal_filter_read_by(&s->filter, v);
}

static const char *read_since(struct scan *s, struct slice v)
{
    s->filter.has_since = true;
    return journal_filter_read_time(v, clock_wall(), &s->filter.since);
}

static const char *read_until(struct scan *s, struct slice v)
{
    s->filter.has_until = true;
    return journal_filter_read_time(v, clock_wall(), &s->filter.until);
}

/* Let the journal's filter have what other scans have as their own. */
static void complete_filter(struct scan *s)
{
    s->filter.has_id = (s->given & KEY_BIT(KEY_ID)) != 0;
    memcpy(s->filter.id, s->id, ID_SIZE);
    s->filter.has_subject = (s->given & KEY_BIT(KEY_SUBJECT)) != 0;
    s->filter.subject = (struct slice){ s->subject, s->subject_len };
}

static const char *(*const readers[KEY_COUNT])(struct scan *s, struct slice v) = {
    [KEY_ID] = read_id,       [KEY_AFTER] = read_after,     [KEY_LIMIT] = read_limit,
    [KEY_STATE] = read_state, [KEY_SUBJECT] = read_subject, [KEY_SCOPE] = read_scope,
    [KEY_MATCH] = read_match, [KEY_EVENT] = read_event,     [KEY_BY] = read_by,
    [KEY_SINCE] = read_since, [KEY_UNTIL] = read_until,
};

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
    for (enum key key = 0; key < KEY_COUNT; key++) {
        const char *fault = request_has(r, key) && readers[key] != NULL ?
                                readers[key](s, r->value[key]) :
                                NULL; /* token= of a trace: see change_trace_pass() */
        if (fault != NULL) {
            problem_set(problem, STATUS_BAD_VALUE, "%s=: %s", key_name(key), fault);
            free(s);
            return NULL;
        }
    }
    complete_filter(s);
    return s;
}

void scan_free(struct scan *s)
{
    free(s);
}
