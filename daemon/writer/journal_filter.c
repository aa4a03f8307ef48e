/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/journal_filter.h"

#include "daemon/store/stored_line.h"
#include "proto/stamp.h"
#include "proto/token.h"

static const char *const events[] = {
    "create", "import", "update", "revoke",   "disable", "enable", "rotate",
    "delete", "ban",    "purge",  "expiring", "trace",   "fleet",
};

enum { EVENTS = sizeof(events) / sizeof(events[0]) };

static uint32_t event_bit(struct slice word)
{
    for (unsigned i = 0; i < EVENTS; i++)
        if (slice_is(word, events[i]))
            return UINT32_C(1) << i;
    return 0;
}

const char *journal_filter_read_event(struct journal_filter *f, struct slice v)
{
    for (size_t at = 0; at <= v.len;) {
        size_t end = at;
        while (end < v.len && v.at[end] != ',')
            end++;
        uint32_t bit = event_bit((struct slice){ v.at + at, end - at });
        if (bit == 0)
            return "an event is create, import, update, revoke, disable, enable, rotate, delete, "
                   "ban, purge, expiring, trace or fleet; several have commas between them";
        f->events |= bit;
        at = end + 1;
    }
    return NULL;
}

static bool is_number(struct slice v)
{
    uint64_t number;

    return number_parse(v, UINT64_MAX, &number);
}

const char *journal_filter_read_by(struct journal_filter *f, struct slice v)
{
    uint64_t number;

    f->has_by = true;
    if (stored_uid(&f->by, v))
        return NULL;
    if (is_number(v) && number_parse(v, UINT32_MAX, &number)) {
        f->by = (uid_t)number;
        return NULL;
    }
    if (is_number(v) || slice_begins(v, "uid:") || v.len == 0 || v.len > JOURNAL_FILTER_NAME_MAX ||
        memchr(v.at, '\0', v.len) != NULL)
        return "a user is given as uid:N or by name";
    memcpy(f->by_name, v.at, v.len);
    f->by_name[v.len] = '\0';
    return NULL;
}

const char *journal_filter_read_time(struct slice v, int64_t now, int64_t *time)
{
    int64_t ago;

    if (stamp_parse(v, time))
        return NULL;
    if (!duration_parse(v, &ago))
        return "this should be a time such as 2027-01-31T12:00:00Z, or how long ago, such as 2h";
    *time = now - ago;
    return NULL;
}

static bool is_id(const struct line *entry, const char *key, const uint8_t id[ID_SIZE])
{
    uint8_t found[ID_SIZE];
    struct slice text = line_get(entry, key);

    return text.at != NULL && token_id_parse(text, found) && memcmp(found, id, ID_SIZE) == 0;
}

/* Look for an id among several, which have commas between them. */
static bool has_id(const struct line *entry, const char *key, const uint8_t id[ID_SIZE])
{
    struct slice text = line_get(entry, key);
    uint8_t found[ID_SIZE];

    for (; text.at != NULL && text.len >= ID_TEXT;
         text.at += ID_TEXT + 1, text.len -= ID_TEXT + 1) {
        if (token_id_parse((struct slice){ text.at, ID_TEXT }, found) &&
            memcmp(found, id, ID_SIZE) == 0)
            return true;
        if (text.len == ID_TEXT)
            break;
    }
    return false;
}

static bool is_subject(const struct line *entry, const char *key, struct slice subject)
{
    struct slice text = line_get(entry, key);

    return text.at != NULL && slice_equal(text, subject);
}

static bool is_in_time(const struct journal_filter *f, const struct line *entry)
{
    int64_t time;

    if (!f->has_since && !f->has_until)
        return true;
    return stamp_parse(line_get(entry, "time"), &time) && (!f->has_since || time >= f->since) &&
           (!f->has_until || time < f->until);
}

bool journal_filter_takes(const struct journal_filter *f, const struct line *entry, uid_t *by)
{
    if (!stored_uid(by, line_get(entry, "by")))
        *by = (uid_t)-1;
    if (f->has_id && !is_id(entry, "id", f->id) && !is_id(entry, "replaces", f->id) &&
        !has_id(entry, "ids", f->id))
        return false;
    if (f->has_subject && !is_subject(entry, "subject", f->subject) &&
        !is_subject(entry, "old_subject", f->subject))
        return false;
    if (f->events != 0 && (f->events & event_bit(line_get(entry, "event"))) == 0)
        return false;
    return is_in_time(f, entry) && (!f->has_by || f->by_name[0] != '\0' || *by == f->by);
}

bool journal_filter_is_set(const struct journal_filter *f)
{
    return f->has_id || f->has_subject || f->events != 0 || f->has_by || f->has_since ||
           f->has_until;
}
