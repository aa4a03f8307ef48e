/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/csv_row.h"

void csv_row_free(struct csv_row *row)
{
    cli_buffer_free(&row->bytes);
}

bool csv_row_is_open(const struct csv_row *row)
{
    return row->fields == 0 && row->bytes.len > 0;
}

/* True if the text begins or ends a quoted field, but not both: within one, a doubled quote counts
 * twice. */
static bool has_odd_quotes(struct slice text)
{
    size_t quotes = 0;

    for (size_t i = 0; i < text.len; i++)
        quotes += text.at[i] == '"';
    return quotes % 2 != 0;
}

/* Take a quoted field off the text, and remove its quotes in place.  False: something follows it. */
static bool take_quoted(char **at, const char *end, struct slice *field)
{
    char *from = *at + 1, *to = *at;

    field->at = to;
    while (from < end && (*from != '"' || (from + 1 < end && from[1] == '"'))) {
        from += *from == '"';
        *to++ = *from++;
    }
    field->len = (size_t)(to - field->at);
    *at = from + 1;
    return from < end && (*at == end || **at == ',');
}

static const char *split(struct csv_row *row)
{
    char *at = row->bytes.at, *end = at + row->bytes.len;

    for (row->fields = 0; at <= end; at++) {
        struct slice *field = &row->field[row->fields];
        if (row->fields++ == CSV_FIELDS_MAX)
            return "more columns than any list of tokens has";
        if (at < end && *at == '"') {
            if (!take_quoted(&at, end, field))
                return "text before or after a quoted field";
        } else {
            char *comma = memchr(at, ',', (size_t)(end - at));
            *field = (struct slice){ at, (size_t)((comma != NULL ? comma : end) - at) };
            if (field->len > 0 && memchr(field->at, '"', field->len) != NULL)
                return "text before or after a quoted field";
            at += field->len;
        }
    }
    return NULL;
}

enum csv_result csv_row_add(struct csv_row *row, struct slice line, const char **why)
{
    bool was_open = csv_row_is_open(row);

    if (was_open)
        cli_buffer_addc(&row->bytes, '\n');
    else
        cli_buffer_clear(&row->bytes);
    row->fields = 0;
    cli_buffer_add(&row->bytes, line.at, line.len);
    *why = "a row that is longer than any token's";
    if (row->bytes.len <= CSV_ROW_MAX && has_odd_quotes(line) != was_open)
        return CSV_MORE;
    if (row->bytes.len <= CSV_ROW_MAX && (*why = split(row)) == NULL)
        return CSV_ROW;
    cli_buffer_clear(&row->bytes);
    row->fields = 0;
    return CSV_BAD;
}
