/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/scan.h"

#include <stdlib.h>
#include <strings.h>

#include "proto/scopes.h"
#include "proto/token.h"
#include "proto/verdict.h"

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

static const char *read_policy(struct scan *s, struct slice v)
{
    (void)s;
    return slice_is(v, "violated") ? NULL : "this can only be violated";
}

static const char *(*const readers[KEY_COUNT])(struct scan *s, struct slice v) = {
    [KEY_ID] = read_id,       [KEY_AFTER] = read_after,     [KEY_LIMIT] = read_limit,
    [KEY_STATE] = read_state, [KEY_SUBJECT] = read_subject, [KEY_SCOPE] = read_scope,
    [KEY_MATCH] = read_match, [KEY_POLICY] = read_policy,
};

struct scan *scan_new(const struct request *r, struct problem *problem)
{
    struct scan *s = malloc(sizeof(*s));

    if (s == NULL) {
        problem_set(problem, STATUS_INTERNAL, "no memory");
        return NULL;
    }
    memset(s, 0, offsetof(struct scan, bytes));
    s->verb = r->verb;
    s->limit = UINT64_MAX;
    s->given = r->has;
    for (enum key key = 0; key < KEY_COUNT; key++) {
        const char *fault = request_has(r, key) ? readers[key](s, r->value[key]) : NULL;
        if (fault != NULL) {
            problem_set(problem, STATUS_BAD_VALUE, "%s=: %s", key_name(key), fault);
            free(s);
            return NULL;
        }
    }
    return s;
}

void scan_free(struct scan *s)
{
    free(s);
}

/* -- which tokens are meant ------------------------------------------------------------------- */

static bool contains(struct slice text, struct slice wanted)
{
    size_t at = 0;

    while (at + wanted.len <= text.len && strncasecmp(text.at + at, wanted.at, wanted.len) != 0)
        at++;
    return at + wanted.len <= text.len;
}

bool scan_matches(const struct scan *s, const struct record *r, int64_t now)
{
    struct slice match = { s->match, s->match_len };

    if ((s->given & KEY_BIT(KEY_STATE)) &&
        verdict_state(record_flags(r), r->activates, r->expires, now) != s->state)
        return false;
    if ((s->given & KEY_BIT(KEY_SUBJECT)) &&
        !slice_equal(record_subject(r), (struct slice){ s->subject, s->subject_len }))
        return false;
    if (!scopes_include(record_scopes(r), (struct slice){ s->scopes, s->scopes_len }))
        return false;
    return contains(record_description(r), match) || contains(record_subject(r), match);
}

void scan_confine(struct scan *s, struct slice user, uid_t uid)
{
    s->own = true;
    s->uid = uid;
    copy_text(s->user, &s->user_len, sizeof(s->user), user);
}

bool scan_may_show(const struct scan *s, const struct record *r)
{
    return !s->own || record_belongs_to(r, (struct slice){ s->user, s->user_len }, s->uid);
}

bool scan_next_own(const struct scan *s, struct subject_index *subjects,
                   struct creation_entry *found)
{
    return subject_index_next(subjects, (struct slice){ s->user, s->user_len }, s->created,
                              s->serial, found);
}
