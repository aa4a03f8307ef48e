/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/http/response.h"

static const struct {
    unsigned status;
    struct slice line;
} lines[] = {
    { 200, SLICE("HTTP/1.1 200 OK\r\n") },
    { 401, SLICE("HTTP/1.1 401 Unauthorized\r\n") },
    { 403, SLICE("HTTP/1.1 403 Forbidden\r\n") },
    { 503, SLICE("HTTP/1.1 503 Service Unavailable\r\n") },
    { 400, SLICE("HTTP/1.1 400 Bad Request\r\n") },
    { 404, SLICE("HTTP/1.1 404 Not Found\r\n") },
    { 405, SLICE("HTTP/1.1 405 Method Not Allowed\r\n") },
    { 408, SLICE("HTTP/1.1 408 Request Timeout\r\n") },
    { 431, SLICE("HTTP/1.1 431 Request Header Fields Too Large\r\n") },
    { 500, SLICE("HTTP/1.1 500 Internal Server Error\r\n") },
};

enum { LINES = sizeof(lines) / sizeof(lines[0]) };

static void add_slice(struct text *t, struct slice s)
{
    text_add(t, s.at, s.len);
}

/* A status that has no row becomes the last one. */
static void add_status(struct text *t, unsigned status)
{
    size_t i = 0;

    while (i < LINES - 1 && lines[i].status != status)
        i++;
    add_slice(t, lines[i].line);
}

static void add_connection(struct text *t, enum http_after after)
{
    if (after == HTTP_CLOSE)
        text_adds(t, "Connection: close\r\n");
    else if (after == HTTP_KEEP_EXPLICIT)
        text_adds(t, "Connection: keep-alive\r\n");
}

/* Add a field with its colon and line end: one check for all of it. */
static void add_field(struct text *t, const struct http_answer_field *f)
{
    const size_t len = f->name.len + 2 + f->value.len + 2;

    if (t->cut || len > t->cap - t->len) {
        t->cut = true;
        return;
    }
    char *at = mempcpy(t->at + t->len, f->name.at, f->name.len);
    memcpy(at, ": ", 2);
    at = mempcpy(at + 2, f->value.at, f->value.len);
    memcpy(at, "\r\n", 2);
    t->len += len;
}

void http_response_answer(struct text *t, const struct http_answer *answer, enum http_after after)
{
    add_status(t, answer->status);
    for (unsigned i = 0; i < answer->fields; i++)
        add_field(t, &answer->field[i]);
    add_connection(t, after);
    text_adds(t, "Content-Length: 0\r\n\r\n");
}

void http_response_plain(struct text *t, unsigned status, const char *type, struct slice body,
                         bool head_only, enum http_after after)
{
    add_status(t, status);
    text_adds(t, "Cache-Control: no-store\r\n");
    if (body.len > 0) {
        text_adds(t, "Content-Type: ");
        text_adds(t, type != NULL ? type : "text/plain; charset=utf-8");
        text_adds(t, "\r\n");
    }
    if (status == 503)
        text_adds(t, "Retry-After: 1\r\n");
    add_connection(t, after);
    text_adds(t, "Content-Length: ");
    text_add_u64(t, body.len);
    text_adds(t, "\r\n\r\n");
    if (!head_only)
        add_slice(t, body);
}
