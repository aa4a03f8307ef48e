/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/log_body.h"

#include <stdlib.h>

#include "proto/line.h"

enum { STEP = 64 * 1024, KEPT = 1024 * 1024, TOKENS_MAX = 32 };

static const struct {
    enum log_line_kind kind;
    struct slice word;
} words[] = {
    { LOG_PUT, SLICE("put ") },
    { LOG_REMOVE, SLICE("remove ") },
    { LOG_ENTRY, SLICE("entry ") },
    { LOG_TOKENS, SLICE("tokens ") },
};

void log_body_free(struct log_body *b)
{
    free(b->bytes);
    *b = (struct log_body){ NULL, 0, 0 };
}

void log_body_clear(struct log_body *b)
{
    if (b->capacity > KEPT)
        log_body_free(b);
    b->len = 0;
}

/* -- writing ---------------------------------------------------------------------------------- */

static bool reserve(struct log_body *b, size_t more)
{
    if (more <= b->capacity - b->len)
        return true;
    size_t capacity = (b->len + more) / STEP * STEP + STEP + b->capacity / 2;
    char *bytes = realloc(b->bytes, capacity);
    if (bytes == NULL)
        return false;
    b->bytes = bytes;
    b->capacity = capacity;
    return true;
}

static void add(struct log_body *b, struct slice text)
{
    if (text.len > 0)
        memcpy(b->bytes + b->len, text.at, text.len);
    b->len += text.len;
}

static bool has_lf(struct slice text)
{
    return text.len > 0 && memchr(text.at, '\n', text.len) != NULL;
}

static bool add_line(struct log_body *b, enum log_line_kind kind, struct slice key,
                     struct slice value)
{
    if (has_lf(key) || has_lf(value) || !reserve(b, words[kind].word.len + key.len + value.len + 2))
        return false;
    add(b, words[kind].word);
    add(b, key);
    if (key.len > 0 && value.len > 0)
        b->bytes[b->len++] = ' ';
    add(b, value);
    b->bytes[b->len++] = '\n';
    return true;
}

bool log_body_add(struct log_body *b, const struct log_body *more)
{
    if (!reserve(b, more->len))
        return false;
    add(b, log_body_slice(more));
    return true;
}

bool log_body_put(struct log_body *b, struct slice key, struct slice value)
{
    return key.len > 0 && value.len > 0 && add_line(b, LOG_PUT, key, value);
}

bool log_body_remove(struct log_body *b, struct slice key)
{
    return key.len > 0 && add_line(b, LOG_REMOVE, key, (struct slice){ NULL, 0 });
}

bool log_body_entry(struct log_body *b, struct slice entry)
{
    return entry.len > 0 && add_line(b, LOG_ENTRY, (struct slice){ NULL, 0 }, entry);
}

bool log_body_entries(struct log_body *b, struct slice entries)
{
    for (const char *lf; entries.len > 0;) {
        lf = memchr(entries.at, '\n', entries.len);
        struct slice one = { entries.at, lf != NULL ? (size_t)(lf - entries.at) : 0 };
        if (!log_body_entry(b, one))
            return false;
        entries = (struct slice){ lf + 1, entries.len - one.len - 1 };
    }
    return true;
}

bool log_body_tokens(struct log_body *b, uint64_t tokens)
{
    char bytes[TOKENS_MAX];
    struct text t = text_in(bytes, sizeof(bytes));

    text_add_u64(&t, tokens);
    return add_line(b, LOG_TOKENS, (struct slice){ NULL, 0 }, text_slice(&t));
}

/* -- reading ---------------------------------------------------------------------------------- */

static bool take_key(struct log_line *line)
{
    const char *space = memchr(line->value.at, ' ', line->value.len);
    size_t len = space != NULL ? (size_t)(space - line->value.at) : line->value.len;

    line->key = (struct slice){ line->value.at, len };
    line->value.at += len + (space != NULL);
    line->value.len -= len + (space != NULL);
    return len > 0;
}

static bool read_rest(enum log_line_kind kind, struct log_line *line)
{
    switch (kind) {
    case LOG_PUT:
        return take_key(line) && line->value.len > 0;
    case LOG_REMOVE:
        return take_key(line) && line->value.len == 0;
    case LOG_TOKENS:
        return number_parse(line->value, INT64_MAX, &line->tokens);
    default:
        return line->value.len > 0;
    }
}

enum log_line_kind log_body_take(struct slice *rest, struct log_line *line)
{
    if (rest->len == 0)
        return LOG_END;
    const char *lf = memchr(rest->at, '\n', rest->len);
    if (lf == NULL)
        return LOG_WRONG;
    struct slice whole = { rest->at, (size_t)(lf - rest->at) };
    *rest = (struct slice){ lf + 1, rest->len - whole.len - 1 };
    *line = (struct log_line){ .value = whole };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t len = words[i].word.len;
        if (whole.len <= len || memcmp(whole.at, words[i].word.at, len) != 0)
            continue;
        line->value = (struct slice){ whole.at + len, whole.len - len };
        return read_rest(words[i].kind, line) ? words[i].kind : LOG_WRONG;
    }
    return LOG_WRONG;
}
