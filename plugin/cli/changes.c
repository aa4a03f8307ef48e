/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/changes.h"

#include "plugin/cli/escape.h"
#include "plugin/cli/field.h"
#include "plugin/cli/fleet_entry.h"

enum { INDENT = 4, VALUE_MIN_WIDTH = 8 };

static const enum cli_field claims[][2] = {
    { CLI_FIELD_OLD_EXPIRES, CLI_FIELD_EXPIRES },
    { CLI_FIELD_OLD_SUBJECT, CLI_FIELD_SUBJECT },
    { CLI_FIELD_OLD_SCOPES, CLI_FIELD_SCOPES },
    { CLI_FIELD_OLD_DESCRIPTION, CLI_FIELD_DESCRIPTION },
};

/* One of the two values of a change. */
struct value {
    struct slice text;
    char buffer[CLI_FIELD_TIME_MAX];
};

static void show(struct value *v, struct slice text, const struct cli_field_row *row,
                 enum cli_field_type type)
{
    v->text = text.len > 0 ? cli_field_time(text, type, CLI_FIELD_TIME_CELL, v->buffer) :
                             slice_of(row->absent);
}

/* Show both values of a claim; times to the second if they are the same minute. */
static void show_both(const struct line *entry, const enum cli_field claim[2], struct value *old,
                      struct value *new)
{
    const struct cli_field_row *row = cli_field_row(claim[1]);
    struct slice before = line_get(entry, cli_field_row(claim[0])->key);
    struct slice after = line_get(entry, row->key);

    show(old, before, row, row->type);
    show(new, after, row, row->type);
    if (row->type == CLI_TYPE_DATE && slice_equal(old->text, new->text)) {
        show(old, before, row, CLI_TYPE_TIME);
        show(new, after, row, CLI_TYPE_TIME);
    }
}

/* Return the arrow that the terminal can show. */
static struct slice arrow(void)
{
    static const struct slice unicode = SLICE("\xe2\x86\x92 "), ascii = SLICE("-> ");

    return cli_escape_width(unicode) == 2 ? unicode : ascii;
}

static void put_change(struct cli_buffer *b, const char *key, const struct value *old,
                       const struct value *new, size_t terminal)
{
    size_t label = INDENT + strlen(key) + 2, between = cli_escape_width(arrow());
    size_t left = terminal > label + VALUE_MIN_WIDTH ? terminal - label : VALUE_MIN_WIDTH;
    bool fits = cli_escape_width(old->text) + 1 + between + cli_escape_width(new->text) <= left;

    cli_buffer_pad(b, INDENT);
    cli_buffer_adds(b, key);
    cli_buffer_adds(b, ": ");
    cli_escape_put(b, old->text, left);
    cli_buffer_addc(b, fits ? ' ' : '\n');
    cli_buffer_pad(b, fits ? 0 : label - between);
    cli_buffer_add(b, arrow().at, arrow().len);
    cli_escape_put(b, new->text, left);
    cli_buffer_addc(b, '\n');
}

void cli_changes_put(struct cli_buffer *b, const struct line *entry, size_t terminal)
{
    struct value old, new;

    for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
        if (line_get(entry, cli_field_row(claims[i][0])->key).at == NULL)
            continue;
        show_both(entry, claims[i], &old, &new);
        put_change(b, cli_field_row(claims[i][1])->key, &old, &new, terminal);
    }
    cli_fleet_entry_put(b, entry, terminal);
}
