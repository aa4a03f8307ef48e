/* SPDX-License-Identifier: Apache-2.0 */
/* Slices of bytes, and text built in the caller's memory.  No allocation, no state; any thread. */
#ifndef JETON_PROTO_TEXT_H
#define JETON_PROTO_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bytes that the slice does not own; not NUL-terminated. */
struct slice {
    const char *at;
    size_t len;
};

/* A literal string as a slice, usable in constant initialisers. */
/* clang-format off */
#define SLICE(literal) { (literal), sizeof(literal) - 1 }
/* clang-format on */

static inline struct slice slice_of(const char *string)
{
    return (struct slice){ string, strlen(string) };
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static inline bool slice_is(struct slice a, const char *string)
{
    return slice_equal(a, slice_of(string));
}

/* True if `a` begins with `string`. */
static inline bool slice_begins(struct slice a, const char *string)
{
    size_t len = strlen(string);
    return a.len >= len && memcmp(a.at, string, len) == 0;
}

/* Text under construction.  Once an addition does not fit, `cut` is set and nothing more is added,
 * so the text is a prefix of the whole. */
struct text {
    char *at;
    size_t cap;
    size_t len;
    bool cut;
};

static inline struct text text_in(char *at, size_t cap)
{
    return (struct text){ .at = at, .cap = cap };
}

static inline struct slice text_slice(const struct text *t)
{
    return (struct slice){ t->at, t->len };
}

static inline void text_add(struct text *t, const void *bytes, size_t len)
{
    if (t->cut || len > t->cap - t->len) {
        t->cut = true;
    } else if (len > 0) {
        memcpy(t->at + t->len, bytes, len);
        t->len += len;
    }
}

/* Inline, so that a literal's length is known when it is compiled. */
static inline void text_adds(struct text *t, const char *string)
{
    text_add(t, string, strlen(string));
}

/* Return where `len` bytes are to be written, which are added with that; NULL: they do not fit. */
static inline char *text_extend(struct text *t, size_t len)
{
    t->cut = t->cut || len > t->cap - t->len;
    if (t->cut)
        return NULL;
    t->len += len;
    return t->at + t->len - len;
}

static inline void text_addc(struct text *t, char c)
{
    if (t->cut || t->len == t->cap)
        t->cut = true;
    else
        t->at[t->len++] = c;
}

void text_add_u64(struct text *t, uint64_t number);
void text_add_hex(struct text *t, const uint8_t *bytes, size_t len);
void text_addf(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Write both digits of a number below 100. */
void pair_write(char digits[2], unsigned number);

/* Decode exactly 2 * len hex digits of either case; false if there are more, fewer or others. */
bool hex_parse(struct slice digits, uint8_t *bytes, size_t len);

/* Parse a decimal number without a sign; false if it is none, or greater than `max`. */
bool number_parse(struct slice digits, uint64_t max, uint64_t *number);

/* Parse a number of bytes, which a K, M or G behind it multiplies by 1024 to the power of 1, 2 or 3. */
bool size_parse(struct slice text, uint64_t max, uint64_t *bytes);

/* Return the length of the well-formed character at the front of `left` bytes, at least one; 0:
 * none. */
size_t utf8_length(const char *at, size_t left);

/* True if the bytes are well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms). */
bool utf8_valid(struct slice bytes);

#endif
