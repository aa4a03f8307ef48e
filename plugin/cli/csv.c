/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/csv.h"

#include "plugin/cli/escape.h"

/* True for a text that a spreadsheet may take for a formula; some take the wide forms, too. */
static bool is_formula(struct slice text)
{
    static const char *const signs[] = {
        "=", "+", "-", "@", "\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d", "\xef\xbc\xa0",
    };

    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
        if (slice_begins(text, signs[i]))
            return true;
    return false;
}

/* True for a text that needs quotes, or is safer with them. */
static bool is_special(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] <= ' ' || text.at[i] > '~' || strchr("\",;'", text.at[i]) != NULL)
            return true;
    return false;
}

/* Where lists are separated by semicolons, a spreadsheet splits a row there, within quotes too, as it does
 * not take these for the begin of a cell: what follows one is treated as a cell. */
static bool splits_to_formula(struct slice text)
{
    do
        text = (struct slice){ text.at + 1, text.len - 1 };
    while (text.len > 0 && (text.at[0] == ' ' || text.at[0] == '"'));
    return is_formula(text);
}

static void put_text(struct cli_buffer *b, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        const struct slice rest = { text.at + i, text.len - i };
        if (rest.at[0] != ';' || !splits_to_formula(rest))
            continue;
        cli_escape_put_csv(b, (struct slice){ text.at, i + 1 });
        cli_buffer_addc(b, '\'');
        text = (struct slice){ rest.at + 1, rest.len - 1 };
        i = 0; /* what it begins with is no semicolon */
    }
    cli_escape_put_csv(b, text);
}

static void put(struct cli_buffer *b, struct slice text)
{
    bool formula = is_formula(text), quoted = formula || is_special(text);

    cli_buffer_adds(b, quoted ? "\"" : "");
    cli_buffer_adds(b, formula ? "'" : "");
    put_text(b, text);
    cli_buffer_adds(b, quoted ? "\"" : "");
}

void cli_csv_header(struct cli_buffer *b, const struct cli_view *view)
{
    for (size_t i = 0; i < view->count; i++) {
        cli_buffer_adds(b, i > 0 ? "," : "");
        cli_buffer_adds(b, cli_field_row(view->field[i])->key);
    }
    cli_buffer_adds(b, "\r\n");
}

void cli_csv_row(struct cli_buffer *b, const struct cli_view *view, const struct line *line)
{
    for (size_t i = 0; i < view->count; i++) {
        cli_buffer_adds(b, i > 0 ? "," : "");
        put(b, line_get(line, cli_field_row(view->field[i])->key));
    }
    cli_buffer_adds(b, "\r\n");
}

void cli_csv_object(struct cli_buffer *b, const struct cli_view *view, const struct line *line)
{
    if (view != NULL) {
        cli_csv_header(b, view);
        cli_csv_row(b, view, line);
        return;
    }
    cli_buffer_adds(b, "key,value\r\n");
    for (size_t i = 0; i < line->count; i++) {
        if (line->argument[i].key.len == 0)
            continue;
        put(b, line->argument[i].key);
        cli_buffer_addc(b, ',');
        put(b, line->argument[i].value);
        cli_buffer_adds(b, "\r\n");
    }
}
