/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/fleet/change_request.h"

#include <stdlib.h>

#include "proto/limits.h"
#include "proto/line.h"
#include "proto/stamp.h"
#include "proto/token.h"

enum { WAIT_DEFAULT = 5, WAIT_MAX = 3600 /* seconds */, SIZE_MOST = 2 * LINE_MAX_BYTES };

static const struct {
    const char *name;
    bool denies;
    bool changes; /* some claims of a token that is there, or none */
} events[] = {
    { "create", false, false }, { "import", false, false }, { "update", false, true },
    { "rotate", false, false }, { "enable", false, true },  { "end", false, true },
    { "revoke", true, false },  { "disable", true, false }, { "delete", true, false },
};

static bool set_event(struct change_request *r, struct slice name)
{
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
        if (slice_is(name, events[i].name)) {
            r->event = events[i].name;
            r->denies = events[i].denies;
            r->changes = events[i].changes;
            return true;
        }
    return false;
}

/* Keep a text, with a NUL behind it; a NUL in it would end it there, so it may have none. */
static const char *keep(struct text *t, struct slice value)
{
    const char *at = t->at + t->len;

    if (value.at == NULL || memchr(value.at, '\0', value.len) != NULL)
        return NULL;
    text_add(t, value.at, value.len);
    text_addc(t, '\0');
    return t->cut ? NULL : at;
}

/* Seconds since 1970, for a time; false: it is none. */
static bool keep_time(struct text *t, struct slice value, const char **kept)
{
    int64_t time;

    *kept = NULL;
    if (value.at == NULL || slice_is(value, "never"))
        return true;
    if (!stamp_parse(value, &time))
        return false;
    *kept = t->at + t->len;
    text_add_u64(t, (uint64_t)time);
    text_addc(t, '\0');
    return !t->cut;
}

static bool keep_times(struct change_request *r, struct text *t, const struct line *line)
{
    const struct slice expires = line_get(line, "expires");

    if (!keep_time(t, line_get(line, "created"), &r->created) ||
        !keep_time(t, line_get(line, "activates"), &r->activates) ||
        !keep_time(t, expires, &r->expires))
        return false;
    if (r->changes && expires.at != NULL && r->expires == NULL)
        r->expires = "-1"; /* from now on never; NULL leaves it as it is */
    return true;
}

static bool keep_names(struct change_request *r, struct text *t, const struct line *line)
{
    const struct slice digest = line_get(line, "digest"), group = line_get(line, "group"),
                       by = line_get(line, "by"), replaces = line_get(line, "replaces");
    uint8_t bytes[DIGEST_SIZE];
    uint64_t uid;

    if (digest.at == NULL || !hex_parse(digest, bytes, DIGEST_SIZE) || group.at == NULL ||
        group.len == 0 || fleet_name_fault(group) != NULL || by.at == NULL ||
        !slice_begins(by, "uid:") ||
        !number_parse((struct slice){ by.at + 4, by.len - 4 }, UINT32_MAX, &uid) ||
        (replaces.at != NULL && !token_id_parse(replaces, bytes)))
        return false;
    r->digest = keep(t, digest);
    r->group = keep(t, group);
    r->uid = keep(t, (struct slice){ by.at + 4, by.len - 4 });
    r->replaces = keep(t, replaces);
    return r->digest != NULL && r->group != NULL && r->uid != NULL;
}

static bool keep_claims(struct change_request *r, struct text *t, const struct line *line)
{
    const struct slice state = line_get(line, "state");

    if (state.at != NULL && !slice_is(state, "active") && !slice_is(state, "disabled") &&
        !slice_is(state, "revoked"))
        return false;
    r->state = state.at != NULL ? keep(t, state) : "active";
    r->subject = keep(t, line_get(line, "subject"));
    r->scopes = keep(t, line_get(line, "scopes"));
    r->description = keep(t, line_get(line, "description"));
    return !t->cut;
}

static bool read_confirm(struct change_request *r, const struct line *line)
{
    const struct slice confirm = line_get(line, "confirm"), wait = line_get(line, "wait");
    int64_t seconds = WAIT_DEFAULT;

    if (confirm.at != NULL && !slice_is(confirm, "all"))
        return false;
    if (wait.at != NULL && (!duration_parse(wait, &seconds) || seconds > WAIT_MAX))
        return false;
    r->confirm = confirm.at != NULL;
    r->wait = seconds * 1000;
    return true;
}

/* A value is kept with a NUL, a time as at most 20 digits. */
struct change_request *change_request_parse(const struct line *line, uint64_t *number)
{
    struct change_request *r;
    struct text t;
    const struct slice request = line_get(line, "request"), event = line_get(line, "event");

    *number = 0;
    if (request.at == NULL || !number_parse(request, INT64_MAX, number) || *number == 0)
        return NULL;
    size_t size = 128;
    for (size_t i = 0; i < line->count; i++)
        size += line->argument[i].value.len + 16;
    if (size > SIZE_MOST || (r = calloc(1, sizeof(*r) + size)) == NULL)
        return NULL;
    r->number = *number;
    t = text_in(r->text, size);
    if (event.at != NULL && set_event(r, event) && keep_names(r, &t, line) &&
        keep_times(r, &t, line) && keep_claims(r, &t, line) && read_confirm(r, line) &&
        (r->denies || r->changes || r->created != NULL))
        return r;
    free(r);
    return NULL;
}

bool change_request_is_alike(const struct change_request *a, const struct change_request *b)
{
    return a->denies && b->denies && a->event == b->event && strcmp(a->group, b->group) == 0 &&
           strcmp(a->uid, b->uid) == 0;
}
