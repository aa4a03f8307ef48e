/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/expiry_marks.h"

#include <stdlib.h>

#include "daemon/base/log.h"
#include "daemon/store/stored_line.h"
#include "daemon/store/tdb_file.h"
#include "proto/token.h"

#define MARKS_KEY "journal/expiring"

enum { MARK_MAX = 64, LINE_MOST = 16 + EXPIRY_MARKS_MAX * MARK_MAX };

/* Cut what comes before the next `separator`, or all. */
static struct slice cut(struct slice *rest, char separator)
{
    const char *at = rest->len > 0 ? memchr(rest->at, separator, rest->len) : NULL;
    size_t len = at != NULL ? (size_t)(at - rest->at) : rest->len;
    struct slice part = { rest->at, len };

    len += at != NULL;
    *rest = (struct slice){ rest->at + len, rest->len - len };
    return part;
}

static bool read_mark(struct slice text, struct expiry_mark *mark)
{
    uint64_t warn, time;

    if (!number_parse(cut(&text, ':'), INT64_MAX, &warn) ||
        !number_parse(cut(&text, ':'), INT64_MAX, &time))
        return false;
    mark->warn = (int64_t)warn;
    mark->time = (int64_t)time;
    return token_id_parse(text, mark->id);
}

static bool read_marks(void *into, struct slice value)
{
    struct expiry_marks *marks = into;

    while (value.len > 0)
        if (marks->count == EXPIRY_MARKS_MAX ||
            !read_mark(cut(&value, ','), &marks->mark[marks->count++]))
            return false;
    return true;
}

static const struct stored_field fields[] = {
    { SLICE("v"), stored_version, 0 },
    { SLICE("marks"), read_marks, 0 },
};

bool expiry_marks_read(struct store *s, struct expiry_marks *marks)
{
    static const struct stored_fields known = { fields, 2, 2, "of a newer version" };
    struct TDB_DATA value;

    marks->count = 0;
    switch (store_fetch(s, slice_of(MARKS_KEY), &value)) {
    case STORE_ABSENT:
        return true;
    case STORE_FAILED:
        return false;
    case STORE_FOUND:
        break;
    }
    struct slice line = { (char *)value.dptr, value.dsize };
    const char *why = stored_line_read(&known, line, marks);
    free(value.dptr);
    if (why == NULL)
        return true;
    log_warning("store: record " MARKS_KEY ": %s: expiries are announced anew", why);
    marks->count = 0;
    return true;
}

bool expiry_marks_put(struct store *s, const struct expiry_marks *marks)
{
    struct slice key = slice_of(MARKS_KEY);
    char bytes[LINE_MOST + TDB_FILE_SPARE];
    struct text line = text_in(bytes, LINE_MOST);

    text_adds(&line, "v=1 marks=");
    for (size_t i = 0; i < marks->count; i++) {
        const struct expiry_mark *mark = &marks->mark[i];
        text_addf(&line, "%s%lld:%lld:", i > 0 ? "," : "", (long long)mark->warn,
                  (long long)mark->time);
        text_add_hex(&line, mark->id, ID_SIZE);
    }
    /* Of one size, so that it is rewritten in place. */
    size_t size = tdb_file_size(key.len, LINE_MOST);
    memset(bytes + line.len, ' ', size - line.len);
    return !line.cut && store_put_value(s, key, (struct slice){ bytes, size });
}

struct expiry_mark *expiry_marks_of(struct expiry_marks *marks, int64_t warn)
{
    struct expiry_mark *oldest = &marks->mark[0];

    for (size_t i = 0; i < marks->count; i++) {
        if (marks->mark[i].warn == warn)
            return &marks->mark[i];
        if (marks->mark[i].time < oldest->time)
            oldest = &marks->mark[i];
    }
    struct expiry_mark *new = marks->count < EXPIRY_MARKS_MAX ? &marks->mark[marks->count++] :
                                                                oldest;
    *new = (struct expiry_mark){ .warn = warn };
    return new;
}

bool expiry_mark_is_before(const struct expiry_mark *mark, int64_t time, const uint8_t id[ID_SIZE])
{
    return mark->time != time ? mark->time < time : memcmp(mark->id, id, ID_SIZE) < 0;
}
