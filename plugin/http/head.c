/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/http/head.h"

enum { TOKEN = 1, VISIBLE = 2, CONTROL = 4 };

/* clang-format off */
static const uint8_t class[256] = {
    [0 ... 8] = CONTROL, ['\n' ... 31] = CONTROL, [127] = CONTROL,
    ['!'] = TOKEN | VISIBLE, ['"'] = VISIBLE, ['#' ... '\''] = TOKEN | VISIBLE, ['('] = VISIBLE, [')'] = VISIBLE,
    ['*'] = TOKEN | VISIBLE, ['+'] = TOKEN | VISIBLE, [','] = VISIBLE, ['-'] = TOKEN | VISIBLE,
    ['.'] = TOKEN | VISIBLE, ['/'] = VISIBLE, ['0' ... '9'] = TOKEN | VISIBLE, [':' ... '@'] = VISIBLE,
    ['A' ... 'Z'] = TOKEN | VISIBLE, ['[' ... ']'] = VISIBLE, ['^' ... 'z'] = TOKEN | VISIBLE,
    ['{'] = VISIBLE, ['|'] = TOKEN | VISIBLE, ['}'] = VISIBLE, ['~'] = TOKEN | VISIBLE,
};
/* clang-format on */

/* The parser: the rest of the head, and what was found so far. */
struct parser {
    const char *at;
    struct http_head *head;
    const char *why;
    bool host, length, coding, close;
};

static enum http_head_status find_end(const char *bytes, size_t most, size_t *searched);
static enum http_head_status parse_lines(struct parser *p, const char *end);
static bool parse_request_line(struct parser *p, struct slice line);
static bool parse_field(struct parser *p, struct slice line);
static bool apply_field(struct parser *p, const struct http_field *f, struct slice line);
static bool finish(struct parser *p);

static bool fail(struct parser *p, const char *why)
{
    p->why = why;
    return false;
}

/* The first call parses what there is, so that a head that came at once is read once.  If its end was
 * not there, the next calls wait for the end before they parse again. */
enum http_head_status http_head_parse(const char *bytes, size_t len, size_t *searched,
                                      struct http_head *head, const char **why)
{
    const size_t most = len < HTTP_HEAD_MAX ? len : HTTP_HEAD_MAX;
    struct parser p = { .at = bytes, .head = head };
    enum http_head_status status = HTTP_HEAD_OK;

    if (*searched > 0)
        status = find_end(bytes, most, searched);
    if (status == HTTP_HEAD_OK) {
        head->fields = 0;
        head->method = (struct slice){ NULL, 0 };
        head->keep_alive = head->body = head->control = false;
        status = parse_lines(&p, bytes + most);
        head->len = *searched = (size_t)(p.at - bytes);
    }
    if (status == HTTP_HEAD_BAD)
        *why = p.why;
    return status == HTTP_HEAD_MORE && len >= HTTP_HEAD_MAX ? HTTP_HEAD_TOO_LONG : status;
}

/* Look for the empty line.  *searched is the start of the first line that is not complete. */
static enum http_head_status find_end(const char *bytes, size_t most, size_t *searched)
{
    for (const char *newline;
         (newline = memchr(bytes + *searched, '\n', most - *searched)) != NULL;) {
        const char *line = bytes + *searched;
        *searched = (size_t)(newline + 1 - bytes);
        if (newline <= line + 1) /* it is empty, or no line at all */
            return HTTP_HEAD_OK;
    }
    return HTTP_HEAD_MORE;
}

/* Parse line after line, up to the empty one.  p->at is the start of the first line that was not
 * complete, or behind the head. */
static enum http_head_status parse_lines(struct parser *p, const char *end)
{
    for (const char *newline; (newline = memchr(p->at, '\n', (size_t)(end - p->at))) != NULL;) {
        const bool first = p->head->method.at == NULL;
        struct slice line = { p->at, (size_t)(newline - p->at) };
        if (line.len == 0 || newline[-1] != '\r') {
            p->why = "a line ends without a carriage return";
            return HTTP_HEAD_BAD;
        }
        line.len--;
        if (line.len == 0 && !first) {
            p->at = newline + 1;
            return finish(p) ? HTTP_HEAD_OK : HTTP_HEAD_BAD;
        }
        if (p->head->fields == HTTP_FIELDS_MAX)
            return HTTP_HEAD_TOO_LONG;
        if (!(first ? parse_request_line(p, line) : parse_field(p, line)))
            return HTTP_HEAD_BAD;
        p->at = newline + 1;
    }
    return HTTP_HEAD_MORE;
}

/* -- the request line ------------------------------------------------------------------------ */

/* Return how many bytes at the front are all of a class. */
static size_t span(struct slice text, uint8_t wanted)
{
    size_t at = 0;

    while (at < text.len && (class[(uint8_t)text.at[at]] & wanted) != 0)
        at++;
    return at;
}

static struct slice behind(struct slice text, size_t len)
{
    return (struct slice){ text.at + len, text.len - len };
}

static bool parse_request_line(struct parser *p, struct slice line)
{
    struct http_head *head = p->head;
    size_t method = span(line, TOKEN);

    if (method == 0 || method > HTTP_METHOD_MAX || method == line.len || line.at[method] != ' ')
        return fail(p, "this is no request line: it has no method");
    head->method = (struct slice){ line.at, method };
    line = behind(line, method + 1);
    size_t target = span(line, VISIBLE);
    if (target == 0 || target == line.len || line.at[target] != ' ' || line.at[0] != '/')
        return fail(p, "the target is not a path, or has bytes that must not be in one");
    head->target = (struct slice){ line.at, target };
    if (memchr(line.at, '#', target) != NULL)
        return fail(p, "the target has a fragment");
    line = behind(line, target + 1);
    if (!slice_is(line, "HTTP/1.1") && !slice_is(line, "HTTP/1.0"))
        return fail(p, "the version is neither HTTP/1.1 nor HTTP/1.0");
    head->minor = line.at[7] == '1';
    head->keep_alive = head->minor == 1;
    return true;
}

/* -- fields ---------------------------------------------------------------------------------- */

/* True if any byte is a control character, other than a tab.  Sixteen at a time. */
static bool has_control(struct slice text)
{
    typedef uint8_t wide __attribute__((vector_size(16)));
    typedef int8_t wide_bool __attribute__((vector_size(16)));
    wide_bool found = { 0 };
    uint8_t rest = 0;
    uint64_t halves[2];

    for (; text.len >= sizeof(wide); text = behind(text, sizeof(wide))) {
        wide bytes;
        memcpy(&bytes, text.at, sizeof(bytes));
        found |= ((bytes < 0x20) & (bytes != '\t')) | (bytes == 0x7f);
    }
    for (size_t i = 0; i < text.len; i++)
        rest |= class[(uint8_t)text.at[i]];
    memcpy(halves, &found, sizeof(halves));
    return (halves[0] | halves[1]) != 0 || (rest & CONTROL) != 0;
}

static bool parse_field(struct parser *p, struct slice line)
{
    struct http_field *f = &p->head->field[p->head->fields];
    size_t name = span(line, TOKEN);

    if (http_is_blank(line.at[0]))
        return fail(p, "a line continues the one before");
    if (name == 0 || name == line.len || line.at[name] != ':')
        return fail(p, "a field has no name, or something other than a colon after it");
    f->name = (struct slice){ line.at, name };
    f->value = http_trim(behind(line, name + 1));
    if (has_control(f->value)) {
        if (memchr(f->value.at, '\r', f->value.len) != NULL)
            return fail(p, "a value has a carriage return");
        p->head->control = true;
    }
    p->head->fields++;
    return apply_field(p, f, line);
}

static inline char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool http_bytes_equal(const char *a, const char *b, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (lower(a[i]) != lower(b[i]))
            return false;
    return true;
}

bool http_is_token(struct slice text)
{
    return text.len > 0 && span(text, TOKEN) == text.len;
}

static bool is_named(const struct http_field *f, const char *name)
{
    return http_name_equal(f->name, slice_of(name));
}

/* -- fields that decide how the connection goes on -------------------------------------------- */

static bool apply_host(struct parser *p, struct slice value)
{
    if (p->host)
        return fail(p, "Host is given twice");
    if (span(value, VISIBLE) != value.len || memchr(value.at, ',', value.len) != NULL)
        return fail(p, "Host is not one name");
    p->host = true;
    return true;
}

static bool apply_connection(struct parser *p, struct slice list)
{
    while (list.len > 0) {
        const char *comma = memchr(list.at, ',', list.len);
        size_t len = comma != NULL ? (size_t)(comma - list.at) : list.len;
        struct slice word = http_trim((struct slice){ list.at, len });
        if (!http_is_token(word))
            return fail(p, "Connection is not a list of words");
        if (http_name_equal(word, slice_of("close")))
            p->close = true;
        else if (http_name_equal(word, slice_of("keep-alive")))
            p->head->keep_alive = true;
        if (comma != NULL && comma + 1 == list.at + list.len)
            return fail(p, "Connection is not a list of words");
        list = behind(list, len + (comma != NULL));
    }
    return true;
}

static bool apply_length(struct parser *p, struct slice value)
{
    uint64_t length;

    if (p->length)
        return fail(p, "Content-Length is given twice");
    if (!number_parse(value, INT64_MAX, &length))
        return fail(p, "Content-Length is not a number");
    p->length = true;
    p->head->body |= length > 0;
    return true;
}

static bool apply_coding(struct parser *p, struct slice value)
{
    if (p->coding || !http_name_equal(value, slice_of("chunked")))
        return fail(p, "Transfer-Encoding is something other than chunked");
    p->coding = p->head->body = true;
    return true;
}

/* No two names of these fields have the same length. */
static bool apply_any(struct parser *p, const struct http_field *f)
{
    switch (f->name.len) {
    case 4:
        return apply_host(p, f->value);
    case 10:
        return apply_connection(p, f->value);
    case 14:
        return apply_length(p, f->value);
    default:
        return apply_coding(p, f->value);
    }
}

static bool apply_field(struct parser *p, const struct http_field *f, struct slice line)
{
    static const char *const names[] = {
        [4] = "Host", [10] = "Connection", [14] = "Content-Length", [17] = "Transfer-Encoding"
    };

    if (f->name.len >= sizeof(names) / sizeof(names[0]) || names[f->name.len] == NULL ||
        !is_named(f, names[f->name.len]))
        return true;
    /* Some programs take only spaces as white space here. */
    if (memchr(line.at, '\t', line.len) != NULL)
        return fail(p, "a field of the connection has a tab");
    return apply_any(p, f);
}

static bool finish(struct parser *p)
{
    struct http_head *head = p->head;

    if (!p->host && head->minor == 1)
        return fail(p, "Host is missing");
    if (p->coding && (p->length || head->minor == 0))
        return fail(p, "the length of the body is given in two ways");
    /* Where a body may follow, nobody can know where the next request begins. */
    if (p->close || head->body || head->control)
        head->keep_alive = false;
    return true;
}
