/* SPDX-License-Identifier: Apache-2.0 */
/* What writes words and times in lines, for a test to call: compiled with proto/line.c and proto/stamp.c. */
#include "proto/line.h"

/* Write a word, and return its length. */
size_t write_word(const char *value, size_t len, char *out, size_t size)
{
    struct text t = text_in(out, size);

    line_put_word(&t, (struct slice){ value, len });
    return t.cut ? 0 : t.len;
}

/* Read a line, and write each argument's key, value and their lengths' end as NUL-ended texts: "key\0value\0".  Values
 * have no NUL.  Return the length, or -1. */
long read_line(char *line, size_t len, char *out, size_t size)
{
    struct line parsed;
    struct text t = text_in(out, size);
    const char *why;

    if (line_parse(line, len, &parsed, &why) != STATUS_OK)
        return -1;
    for (size_t i = 0; i < parsed.count; i++) {
        text_add(&t, parsed.argument[i].key.at, parsed.argument[i].key.len);
        text_addc(&t, '\0');
        text_add(&t, parsed.argument[i].value.at, parsed.argument[i].value.len);
        text_addc(&t, '\0');
    }
    return t.cut ? -1 : (long)t.len;
}
