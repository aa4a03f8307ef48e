/* SPDX-License-Identifier: Apache-2.0 */
/* Most lines are printable ASCII without quotes, so lines are classified sixteen bytes at a time;
 * only where that finds other bytes is a line read byte by byte. */
#include "proto/line.h"

#include "proto/stamp.h"

/* The bytes left to read.  Values are decoded in place: writing never overtakes reading. */
struct cursor {
    char *at;
    char *end;
    const char *plain; /* a value that ends before this needs no check: see line_check() */
};

static size_t key_length(struct cursor c);
static bool take_value(struct cursor *c, struct slice *value, const char **why);
static bool take_bare(struct cursor *c, struct slice *value, const char **why);
static bool take_quoted(struct cursor *c, struct slice *value, const char **why);
static bool take_escape(struct cursor *c, char *byte, const char **why);

/* -- sixteen bytes at a time ------------------------------------------------------------------ */

enum { WIDE = 16 };

typedef int8_t wide __attribute__((vector_size(WIDE)));
typedef uint64_t halves __attribute__((vector_size(WIDE)));

/* Three classes of bytes; each function sets some bit in every byte that belongs to its class.  Not
 * printable ASCII: DEL, and all that is below the space as a signed number. */
static inline wide not_printable(wide bytes)
{
    return (bytes < ' ') | (bytes == 0x7f);
}

/* What a bare value may not contain. */
static inline wide not_bare(wide bytes)
{
    return (bytes <= ' ') | (bytes == 0x7f) | (bytes == '"') | (bytes == '\\');
}

/* What may not be copied into quotes unchanged.  Bit 0: not printable; bit 1: a quote or a
 * backslash. */
#define UNPRINTABLE UINT64_C(0x0101010101010101)

static inline wide not_plain(wide bytes)
{
    return (not_printable(bytes) & 1) | (((bytes == '"') | (bytes == '\\')) & 2);
}

/* Factors that repeat the low 4, 1 and 1 bytes of a word. */
#define TWICE UINT64_C(0x100000001)
#define FOUR_TIMES UINT64_C(0x1010101)
#define EIGHT_TIMES (TWICE * FOUR_TIMES)

/* Load a slice of 1 to 15 bytes into a vector, some of them more than once. */
static inline wide spread(struct slice bytes)
{
    const char *end = bytes.at + bytes.len;
    uint64_t front, back;
    uint32_t first, last;

    if (bytes.len >= 8) {
        memcpy(&front, bytes.at, 8);
        memcpy(&back, end - 8, 8);
    } else if (bytes.len >= 4) {
        memcpy(&first, bytes.at, 4);
        memcpy(&last, end - 4, 4);
        front = first * TWICE;
        back = last * TWICE;
    } else {
        uint8_t middle = (uint8_t)bytes.at[bytes.len / 2];
        front = (uint8_t)bytes.at[0] * EIGHT_TIMES;
        back = (middle | (uint64_t)(uint8_t)end[-1] << 32) * FOUR_TIMES;
    }
    return (wide)(halves){ front, back };
}

/* Combine by "or" what the class function sets in each byte; 0: no byte belongs to the class.  Not
 * for an empty slice.  The last sixteen bytes may overlap those before them. */
static inline uint64_t any(struct slice bytes, wide (*class)(wide bytes))
{
    wide all = { 0 }, some;

    if (bytes.len < WIDE) {
        all = class(spread(bytes));
    } else {
        for (size_t at = 0; at + WIDE < bytes.len; at += WIDE) {
            memcpy(&some, bytes.at + at, sizeof(some));
            all |= class(some);
        }
        memcpy(&some, bytes.at + bytes.len - WIDE, sizeof(some));
        all |= class(some);
    }
    uint64_t half[2];
    memcpy(half, &all, sizeof(half));
    return half[0] | half[1];
}

/* -- reading ---------------------------------------------------------------------------------- */

/* Count plain bytes at the front, in steps of sixteen. */
static size_t plain_front(struct slice bytes)
{
    size_t at = 0;

    while (bytes.len - at >= WIDE && any((struct slice){ bytes.at + at, WIDE }, not_plain) == 0)
        at += WIDE;
    return at;
}

static enum status check_bytes(struct slice bytes, const char **why);

enum status line_check(struct slice bytes, size_t *plain, const char **why)
{
    *plain = bytes.len;
    if (bytes.len == 0)
        return STATUS_OK;
    uint64_t found = any(bytes, not_plain);
    if (found == 0)
        return STATUS_OK;
    *plain = plain_front(bytes);
    return (found & UNPRINTABLE) == 0 ? STATUS_OK : check_bytes(bytes, why);
}

/* Read byte by byte a line with other bytes than printable ASCII. */
static enum status check_bytes(struct slice bytes, const char **why)
{
    for (size_t at = 0; at < bytes.len; at++) {
        if (((unsigned char)bytes.at[at] < 0x20 && bytes.at[at] != '\t') || bytes.at[at] == 0x7f) {
            *why = "control bytes are not allowed in a line; write them as \\xHH in quotes";
            return STATUS_SYNTAX;
        }
    }
    if (!utf8_valid(bytes)) {
        *why = "not valid UTF-8";
        return STATUS_SYNTAX;
    }
    return STATUS_OK;
}

enum status line_split(char *bytes, size_t len, size_t plain, struct line *line, const char **why)
{
    struct cursor c = { bytes, bytes + len, bytes + plain };

    line->count = 0;
    for (;;) {
        while (c.at < c.end && *c.at == ' ')
            c.at++;
        if (c.at == c.end)
            return STATUS_OK;
        if (line->count == LINE_ARGUMENTS_MAX) {
            *why = "too many arguments on one line";
            return STATUS_SYNTAX;
        }
        struct argument *a = &line->argument[line->count++];
        size_t key = key_length(c);
        a->key = (struct slice){ c.at, key };
        c.at += key > 0 ? key + 1 : 0;
        if (!take_value(&c, &a->value, why))
            return STATUS_SYNTAX;
    }
}

enum status line_parse(char *bytes, size_t len, struct line *line, const char **why)
{
    size_t plain;

    if (line_check((struct slice){ bytes, len }, &plain, why) != STATUS_OK)
        return STATUS_SYNTAX;
    return line_split(bytes, len, plain, line, why);
}

/* Return the length of a key before its '=', or 0 for a word.  A key is short and lower case, so
 * that the padding of a base64 value does not make the value a key.  Search the '=' first: that is
 * faster than a loop that ends wherever a random value ceases to look like a key. */
static size_t key_length(struct cursor c)
{
    size_t left = (size_t)(c.end - c.at);
    const char *equals = memchr(c.at, '=', left < LINE_KEY_MAX + 1 ? left : LINE_KEY_MAX + 1);

    if (equals == NULL)
        return 0;
    for (const char *at = c.at; at < equals; at++) {
        if (!((*at >= 'a' && *at <= 'z') || (*at == '_' && at > c.at)))
            return 0;
    }
    return (size_t)(equals - c.at);
}

static bool take_value(struct cursor *c, struct slice *value, const char **why)
{
    if (c->at >= c->plain && c->at < c->end && *c->at == '"')
        return take_quoted(c, value, why);
    return take_bare(c, value, why);
}

static bool take_bare(struct cursor *c, struct slice *value, const char **why)
{
    size_t left = (size_t)(c->end - c->at);
    const char *space = left > 0 ? memchr(c->at, ' ', left) : NULL;
    size_t len = space != NULL ? (size_t)(space - c->at) : left;

    *value = (struct slice){ c->at, len };
    c->at += len;
    if (c->at > c->plain && len > 0 && any(*value, not_bare) &&
        (memchr(value->at, '"', len) != NULL || memchr(value->at, '\\', len) != NULL ||
         memchr(value->at, '\t', len) != NULL)) {
        *why = "quotes, backslashes and tabs need a value in double quotes";
        return false;
    }
    return true;
}

/* Leave the bytes before the first escape where they are. */
static bool take_quoted(struct cursor *c, struct slice *value, const char **why)
{
    size_t left = (size_t)(c->end - ++c->at);
    char *quote = memchr(c->at, '"', left);
    char *escape = memchr(c->at, '\\', quote != NULL ? (size_t)(quote - c->at) : left);
    char *out = escape != NULL ? escape : quote != NULL ? quote : c->end;

    value->at = c->at;
    c->at = out;
    while (c->at < c->end && *c->at != '"') {
        char byte = *c->at++;
        if (byte == '\\' && !take_escape(c, &byte, why))
            return false;
        *out++ = byte;
    }
    if (c->at == c->end) {
        *why = "a double quote is not closed";
        return false;
    }
    c->at++;
    if (c->at < c->end && *c->at != ' ') {
        *why = "a space is needed after a closing double quote";
        return false;
    }
    value->len = (size_t)(out - value->at);
    return true;
}

static bool take_escape(struct cursor *c, char *byte, const char **why)
{
    static const char letters[] = "\"\\ntr", meant[] = "\"\\\n\t\r";
    const char *found = c->at < c->end ? memchr(letters, *c->at, sizeof(letters) - 1) : NULL;

    if (found != NULL) {
        *byte = meant[found - letters];
        c->at++;
        return true;
    }
    uint8_t decoded;
    if (c->end - c->at >= 3 && *c->at == 'x' &&
        hex_parse((struct slice){ c->at + 1, 2 }, &decoded, 1)) {
        *byte = (char)decoded;
        c->at += 3;
        return true;
    }
    *why = "unknown escape; there are \\\" \\\\ \\n \\t \\r \\xHH";
    return false;
}

struct slice line_get(const struct line *line, const char *key)
{
    for (size_t i = 0; i < line->count; i++)
        if (line->argument[i].key.len > 0 && slice_is(line->argument[i].key, key))
            return line->argument[i].value;
    return (struct slice){ NULL, 0 };
}

/* Return the length of the character at `at`, and whether it must be written as \xHH: an ASCII
 * control, a C1 control (U+0080..U+009F, which some terminals obey), or a byte that is not part of
 * UTF-8. */
static size_t character(const char *at, const char *end, bool *escape)
{
    unsigned char c = (unsigned char)at[0];

    *escape = c < 0x20 || c == 0x7f;
    if (c < 0x80)
        return 1;
    size_t len = utf8_length(at, (size_t)(end - at));
    *escape = len == 0 || (c == 0xc2 && (unsigned char)at[1] <= 0x9f);
    return len > 0 ? len : 1;
}

/* Not for printable ASCII, which line_put_word() finds out. */
static bool is_bare(struct slice value)
{
    const char *end = value.at + value.len;
    bool escape = value.len == 0;

    for (const char *at = value.at; at < end && !escape;) {
        if (*at == ' ' || *at == '"' || *at == '\\')
            return false;
        at += character(at, end, &escape);
    }
    return !escape;
}

static void put_escape(struct text *t, char byte)
{
    static const char meant[] = "\"\\\n\t\r", letters[] = "\"\\ntr";
    const char *found = memchr(meant, byte, sizeof(meant) - 1);

    text_addc(t, '\\');
    if (found != NULL) {
        text_addc(t, letters[found - meant]);
    } else {
        text_addc(t, 'x');
        text_add_hex(t, (const uint8_t *)&byte, 1);
    }
}

/* Copy stretches without escapes whole. */
static void put_quoted(struct text *t, struct slice value)
{
    const char *end = value.at + value.len, *from = value.at;
    const char *at = value.len > 0 && any(value, not_plain) ? from : end;

    text_addc(t, '"');
    while (at < end) {
        bool escape;
        size_t len = character(at, end, &escape);
        if (escape || *at == '"' || *at == '\\') {
            text_add(t, from, (size_t)(at - from));
            for (size_t i = 0; i < len; i++)
                put_escape(t, at[i]);
            from = at + len;
        }
        at += len;
    }
    text_add(t, from, (size_t)(end - from));
    text_addc(t, '"');
}

/* Not inlined: most values are printable ASCII, and the function that they take needs no registers for
 * this. */
static __attribute__((noinline)) void put_unusual(struct text *t, struct slice value)
{
    if (is_bare(value))
        text_add(t, value.at, value.len);
    else
        put_quoted(t, value);
}

void line_put_word(struct text *t, struct slice value)
{
    if (value.len > 0 && !any(value, not_bare))
        text_add(t, value.at, value.len);
    else
        put_unusual(t, value);
}

void line_puts(struct text *t, const char *key, const char *value)
{
    line_put(t, key, slice_of(value));
}

void line_put_u64(struct text *t, const char *key, uint64_t value)
{
    line_put_key(t, key);
    text_add_u64(t, value);
}

void line_put_time(struct text *t, const char *key, int64_t time)
{
    line_put_key(t, key);
    stamp_write(t, time);
}
