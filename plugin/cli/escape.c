/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/escape.h"

#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>
#include <wctype.h>

enum { GLYPH_MAX = 12 };
#define NOT_UTF8 UINT32_MAX

/* One character as it is shown on a terminal. */
struct glyph {
    char bytes[GLYPH_MAX];
    size_t len;
    size_t width;
};

static uint32_t take(struct slice *rest, struct slice *bytes);
static struct glyph glyph_of(uint32_t c, struct slice bytes, bool utf8);

/* -- characters ------------------------------------------------------------------------------- */

static bool terminal_is_utf8(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

/* Set the locale.  One that is set but not installed still shows whether the terminal takes
 * UTF-8. */
void cli_escape_setup(void)
{
    static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };
    const char *locale = NULL;

    if (setlocale(LC_CTYPE, "") != NULL)
        return;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && locale == NULL; i++)
        if (getenv(names[i]) != NULL && getenv(names[i])[0] != '\0')
            locale = getenv(names[i]);
    if (locale != NULL &&
        (strcasestr(locale, "utf-8") != NULL || strcasestr(locale, "utf8") != NULL))
        setlocale(LC_CTYPE, "C.UTF-8");
}

static size_t sequence_length(unsigned char lead)
{
    if (lead < 0xc0)
        return 1;
    return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

/* Take one character off the text and return it with its bytes; NOT_UTF8 is one byte. */
static uint32_t take(struct slice *rest, struct slice *bytes)
{
    unsigned char lead = (unsigned char)rest->at[0];
    size_t len = sequence_length(lead);
    uint32_t c = len == 1 ? lead : lead & (0xffu >> (len + 1));

    if (len > rest->len || !utf8_valid((struct slice){ rest->at, len })) {
        len = 1;
        c = NOT_UTF8;
    }
    *bytes = (struct slice){ rest->at, len };
    for (size_t i = 1; i < len; i++)
        c = c << 6 | ((unsigned char)rest->at[i] & 0x3f);
    rest->at += len;
    rest->len -= len;
    return c;
}

static bool is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c <= 0x9f);
}

/* True for invisible characters that change where or in what order others are shown. */
static bool is_deceptive(uint32_t c)
{
    return c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

/* Count the bytes at the front that need no escape in any form and take one column each. */
static size_t unescaped_length(struct slice text)
{
    size_t len = 0;

    while (len < text.len && text.at[len] >= 0x20 && text.at[len] < 0x7f && text.at[len] != '"' &&
           text.at[len] != '\\')
        len++;
    return len;
}

/* Move those bytes from the text to the buffer. */
static void put_unescaped(struct cli_buffer *b, struct slice *text)
{
    size_t len = unescaped_length(*text);

    if (len == 0)
        return;
    cli_buffer_add(b, text->at, len);
    *text = (struct slice){ text->at + len, text->len - len };
}

/* -- terminals -------------------------------------------------------------------------------- */

static struct glyph glyph_text(const char *text, size_t width)
{
    struct glyph g = { .len = strlen(text), .width = width };

    memcpy(g.bytes, text, g.len);
    return g;
}

static struct glyph glyph_escaped(uint32_t c)
{
    static const char meant[] = "\n\t\r", letters[] = "ntr";
    const char *found = c < 0x20 && c > 0 ? strchr(meant, (int)c) : NULL;
    char made[GLYPH_MAX];

    if (found != NULL)
        snprintf(made, sizeof(made), "\\%c", letters[found - meant]);
    else if (c < 0x80)
        snprintf(made, sizeof(made), "\\x%02x", (unsigned)c);
    else
        snprintf(made, sizeof(made), "\\u%04x", (unsigned)c);
    return glyph_text(made, strlen(made));
}

static struct glyph glyph_of(uint32_t c, struct slice bytes, bool utf8)
{
    struct glyph g = { .len = bytes.len };

    if (c == NOT_UTF8)
        return glyph_text(utf8 ? "\xef\xbf\xbd" : "?", 1);
    int width = c >= 0x80 && utf8 ? wcwidth((wchar_t)c) : 1;
    if (is_control(c) || is_deceptive(c) || (c >= 0x80 && !utf8) || width < 0)
        return glyph_escaped(c);
    memcpy(g.bytes, bytes.at, bytes.len);
    g.width = (size_t)width;
    return g;
}

size_t cli_escape_width(struct slice text)
{
    bool utf8 = terminal_is_utf8();
    struct slice bytes;
    size_t width = 0;

    while (text.len > 0) {
        uint32_t c = take(&text, &bytes);
        width += c >= 0x20 && c < 0x7f ? 1 : glyph_of(c, bytes, utf8).width;
    }
    return width;
}

size_t cli_escape_put(struct cli_buffer *b, struct slice text, size_t width)
{
    bool utf8 = terminal_is_utf8();
    struct glyph ellipsis = utf8 ? glyph_text("\xe2\x80\xa6", 1) : glyph_text("...", 3);
    bool cut = cli_escape_width(text) > width;
    size_t available = !cut ? width : width > ellipsis.width ? width - ellipsis.width : 0;
    struct slice bytes;
    size_t used = 0;

    while (text.len > 0) {
        uint32_t c = take(&text, &bytes);
        struct glyph g = glyph_of(c, bytes, utf8);
        if (used + g.width > available)
            break;
        cli_buffer_add(b, g.bytes, g.len);
        used += g.width;
    }
    if (cut && used + ellipsis.width <= width) {
        cli_buffer_add(b, ellipsis.bytes, ellipsis.len);
        used += ellipsis.width;
    }
    return used;
}

/* -- programs --------------------------------------------------------------------------------- */

static void put_hex(struct cli_buffer *b, unsigned char byte)
{
    struct text t = cli_buffer_reserve(b, GLYPH_MAX);

    text_addf(&t, "\\x%02x", byte);
    cli_buffer_commit(b, &t);
}

void cli_escape_put_plain(struct cli_buffer *b, struct slice text)
{
    struct slice bytes;

    for (put_unescaped(b, &text); text.len > 0; put_unescaped(b, &text)) {
        uint32_t c = take(&text, &bytes);
        if (c == '\t' || c == '\n' || c == '\r' || c == '\\') {
            struct glyph g = c == '\\' ? glyph_text("\\\\", 2) : glyph_escaped(c);
            cli_buffer_add(b, g.bytes, g.len);
        } else if (c == NOT_UTF8 || is_control(c)) {
            for (size_t i = 0; i < bytes.len; i++)
                put_hex(b, (unsigned char)bytes.at[i]);
        } else {
            cli_buffer_add(b, bytes.at, bytes.len);
        }
    }
}

void cli_escape_put_csv(struct cli_buffer *b, struct slice text)
{
    struct slice bytes;

    for (put_unescaped(b, &text); text.len > 0; put_unescaped(b, &text)) {
        uint32_t c = take(&text, &bytes);
        cli_buffer_adds(b, c == '"' ? "\"" : c == NOT_UTF8 ? "\xef\xbf\xbd" : "");
        if (c == NOT_UTF8)
            continue;
        struct glyph g = is_control(c) || is_deceptive(c) ? glyph_escaped(c) :
                                                            (struct glyph){ .len = 0 };
        cli_buffer_add(b, g.len > 0 ? g.bytes : bytes.at, g.len > 0 ? g.len : bytes.len);
    }
}

void cli_escape_put_json(struct cli_buffer *b, struct slice text)
{
    struct slice bytes;

    cli_buffer_addc(b, '"');
    for (put_unescaped(b, &text); text.len > 0; put_unescaped(b, &text)) {
        uint32_t c = take(&text, &bytes);
        struct text t = cli_buffer_reserve(b, GLYPH_MAX);
        if (c == '"' || c == '\\')
            text_addf(&t, "\\%c", (char)c);
        else if (c == NOT_UTF8)
            text_adds(&t, "\\ufffd");
        else if (is_control(c) || is_deceptive(c))
            text_addf(&t, "\\u%04x", (unsigned)c);
        else
            text_add(&t, bytes.at, bytes.len);
        cli_buffer_commit(b, &t);
    }
    cli_buffer_addc(b, '"');
}
