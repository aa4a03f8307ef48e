/* SPDX-License-Identifier: Apache-2.0 */
/* The one line grammar: requests, replies, stored records, journal entries and exports are lines
 * of words and key=value fields.  No allocation, no state; any thread.
 *
 *     line     = [ argument *( 1*SP argument ) ]
 *     argument = word | key "=" word             key: [a-z][a-z_]{0,15}
 *     word     = bare | '"' quoted '"'           escapes in quoted: \" \\ \n \t \r \xHH
 */
#ifndef JETON_PROTO_LINE_H
#define JETON_PROTO_LINE_H

#include "proto/status.h"
#include "proto/text.h"

enum { LINE_ARGUMENTS_MAX = 32, LINE_KEY_MAX = 16 };

struct argument {
    struct slice key;   /* empty: a word */
    struct slice value; /* decoded */
};

struct line {
    size_t count;
    struct argument argument[LINE_ARGUMENTS_MAX];
};

/* Check that a line may contain these bytes: UTF-8 without control bytes, except tabs.  STATUS_OK:
 * the first *plain bytes are printable ASCII without quotes and backslashes (there may be more of
 * them).  STATUS_SYNTAX: *why is the reason. */
enum status line_check(struct slice bytes, size_t *plain, const char **why);

/* Split `len` checked bytes (without the line end) into arguments.  Quoted values are decoded in
 * place, so the bytes change and the slices point into them.  The first `plain` bytes (from
 * line_check()) are not checked again.  STATUS_SYNTAX: *why is the reason. */
enum status line_split(char *bytes, size_t len, size_t plain, struct line *line, const char **why);

/* Check and split. */
enum status line_parse(char *bytes, size_t len, struct line *line, const char **why);

/* Return the value of a key, or a slice with at == NULL if the line does not have it. */
struct slice line_get(const struct line *line, const char *key);

/* Add a value without a key, quoted if it must be. */
void line_put_word(struct text *t, struct slice value);

/* Add " key=", for a value that follows.  Inline, so that a literal's length is known. */
static inline void line_put_key(struct text *t, const char *key)
{
    size_t len = strlen(key);
    char *at = text_extend(t, len + 2);

    if (at == NULL)
        return;
    at[0] = ' ';
    memcpy(at + 1, key, len);
    at[len + 1] = '=';
}

/* Add " key=value", quoted if it must be (each of these).  Parsing returns the same bytes, whatever
 * they are. */
static inline void line_put(struct text *t, const char *key, struct slice value)
{
    line_put_key(t, key);
    line_put_word(t, value);
}

void line_puts(struct text *t, const char *key, const char *value);
void line_put_u64(struct text *t, const char *key, uint64_t value);
void line_put_time(struct text *t, const char *key, int64_t time);

#endif
