/* SPDX-License-Identifier: Apache-2.0 */
/* Parse the head of an HTTP/1.x request: request line and header fields (RFC 9112), strictly.  What
 * two programs could read differently is refused: bare CR or LF, folded lines, white space before a
 * colon, two lengths of a body.  No I/O, no allocation, no state; any thread. */
#ifndef JETON_PLUGIN_HTTP_HEAD_H
#define JETON_PLUGIN_HTTP_HEAD_H

#include "proto/text.h"

enum {
    HTTP_HEAD_MAX = 16 * 1024, /* bytes, with the empty line */
    HTTP_FIELDS_MAX = 128,
    HTTP_METHOD_MAX = 32,
};

enum http_head_status {
    HTTP_HEAD_MORE,     /* the head is not complete yet */
    HTTP_HEAD_OK,       /* it is, and *head describes it */
    HTTP_HEAD_BAD,      /* it is no request: nothing after it can be understood */
    HTTP_HEAD_TOO_LONG, /* more bytes or fields than the limits above */
};

struct http_field {
    struct slice name;
    struct slice value; /* without white space around it */
};

/* A request's head.  Slices point into the parsed bytes. */
struct http_head {
    size_t len; /* bytes, with the empty line */
    struct slice method;
    struct slice target; /* begins with a slash; any visible ASCII */
    unsigned minor;      /* of the version: HTTP/1.0 or HTTP/1.1 */
    bool keep_alive;     /* the client wants another request on this connection */
    bool body;           /* a body is announced: the bytes after the head can be it, or not */
    bool control;        /* some value has control characters; NUL among them */
    unsigned fields;
    struct http_field field[HTTP_FIELDS_MAX];
};

/* Parse the head at the front of `len` bytes.  *searched is how many of them are known not to end a
 * head: 0 for a new one, and then what the last call with the same bytes, and fewer of them, left
 * there, so that a head that comes in pieces is searched once.  HTTP_HEAD_BAD: *why says what is
 * wrong, without quoting the request. */
enum http_head_status http_head_parse(const char *bytes, size_t len, size_t *searched,
                                      struct http_head *head, const char **why);

/* True for white space as HTTP has it within a line. */
static inline bool http_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Return the text without the white space around it. */
static inline struct slice http_trim(struct slice text)
{
    while (text.len > 0 && http_is_blank(text.at[0]))
        text = (struct slice){ text.at + 1, text.len - 1 };
    while (text.len > 0 && http_is_blank(text.at[text.len - 1]))
        text.len--;
    return text;
}

/* True if as many bytes of two names are the same but for the case of ASCII letters. */
bool http_bytes_equal(const char *a, const char *b, size_t len);

/* True if two names are the same but for the case of ASCII letters. */
static inline bool http_name_equal(struct slice a, struct slice b)
{
    return a.len == b.len && http_bytes_equal(a.at, b.at, a.len);
}

/* True for a token of RFC 9110, of at least one byte: the syntax of methods and field names. */
bool http_is_token(struct slice text);

#endif
