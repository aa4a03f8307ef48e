/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/columns.h"

#include <ctype.h>

#include "plugin/cli/changes.h"
#include "plugin/cli/zone.h"

enum { BUFFERED_MAX = 500, GAP = 2 };

static void buffer_row(struct cli_columns *t, const struct slice *cells);
static void lay_out(struct cli_columns *t);
static void measure(struct cli_columns *t, size_t *natural);
static void hide_columns(struct cli_columns *t, size_t *natural);
static void assign_widths(struct cli_columns *t, const size_t *natural);
static void write_row(struct cli_columns *t, const struct slice *cells);

static const struct cli_field_row *column(const struct cli_columns *t, size_t i)
{
    return cli_field_row(t->view->field[i]);
}

/* A row has a cell for each column, and one more: the lines that follow it. */

/* -- rows ------------------------------------------------------------------------------------- */

void cli_columns_begin(struct cli_columns *t, const struct cli_view *view, struct cli_buffer *out,
                       size_t terminal, bool colours, bool live)
{
    cli_buffer_free(&t->buffered);
    *t = (struct cli_columns){
        .view = view,
        .out = out,
        .terminal = terminal,
        .colours = colours,
    };
    if (live)
        lay_out(t);
}

/* Return the text of a column: of a user the name, where the line has it; and where it has no scopes
 * explicitly, as [self] in `policy`, that there are none. */
static struct slice cell_of(const struct cli_columns *t, size_t i, const struct line *line)
{
    static const struct slice none = SLICE("(none)");
    struct slice name = { NULL, 0 };

    if (t->view->field[i] == CLI_FIELD_BY)
        name = line_get(line, cli_field_row(CLI_FIELD_BY_NAME)->key);
    struct slice text = name.len > 0 ? name : line_get(line, column(t, i)->key);
    bool is_empty = text.at != NULL && text.len == 0;
    return t->view->field[i] == CLI_FIELD_SCOPES && is_empty ? none : text;
}

void cli_columns_row(struct cli_columns *t, const struct line *line)
{
    struct slice cells[CLI_VIEW_MAX + 1];
    struct cli_buffer below = { .at = NULL };

    for (size_t i = 0; i < t->view->shown; i++)
        cells[i] = cell_of(t, i, line);
    if (t->view->changes)
        cli_changes_put(&below, line, t->terminal);
    cells[t->view->shown] = cli_buffer_slice(&below);
    if (!t->laid_out && t->rows == BUFFERED_MAX)
        lay_out(t);
    if (t->laid_out)
        write_row(t, cells);
    else
        buffer_row(t, cells);
    cli_buffer_free(&below);
}

void cli_columns_end(struct cli_columns *t)
{
    if (!t->laid_out && t->rows > 0)
        lay_out(t);
    cli_buffer_free(&t->buffered);
}

static void buffer_row(struct cli_columns *t, const struct slice *cells)
{
    for (size_t i = 0; i <= t->view->shown; i++) {
        cli_buffer_add(&t->buffered, &cells[i].len, sizeof(cells[i].len));
        cli_buffer_add(&t->buffered, cells[i].at, cells[i].len);
    }
    t->rows++;
}

/* Read one buffered row and move on to the next. */
static void next_buffered_row(const struct cli_columns *t, const char **at, struct slice *cells)
{
    for (size_t i = 0; i <= t->view->shown; i++) {
        memcpy(&cells[i].len, *at, sizeof(cells[i].len));
        cells[i].at = *at + sizeof(cells[i].len);
        *at = cells[i].at + cells[i].len;
    }
}

/* -- columns ---------------------------------------------------------------------------------- */

static bool is_time(const struct cli_columns *t, size_t i)
{
    return column(t, i)->type == CLI_TYPE_DATE || column(t, i)->type == CLI_TYPE_TIME;
}

static struct slice column_title(const struct cli_columns *t, size_t i,
                                 char buffer[CLI_FIELD_TIME_MAX])
{
    struct text made = text_in(buffer, CLI_FIELD_TIME_MAX);

    text_adds(&made, column(t, i)->title != NULL ? column(t, i)->title : column(t, i)->key);
    for (size_t at = 0; at < made.len; at++)
        buffer[at] = (char)toupper((unsigned char)buffer[at]);
    if (is_time(t, i) && !(column(t, i)->type == CLI_TYPE_DATE && t->day_only)) {
        text_addc(&made, ' ');
        text_adds(&made, cli_zone_now());
    }
    return text_slice(&made);
}

static struct slice cell_text(const struct cli_columns *t, size_t i, struct slice cell,
                              char buffer[CLI_FIELD_TIME_MAX])
{
    if (cell.len == 0)
        return slice_of(column(t, i)->absent != NULL ? column(t, i)->absent : "-");
    return cli_field_time(cell, column(t, i)->type,
                          t->day_only ? CLI_FIELD_TIME_DAY : CLI_FIELD_TIME_CELL, buffer);
}

/* Measure the natural widths.  Without rows to measure, the last column may take all the width. */
static void measure(struct cli_columns *t, size_t *natural)
{
    char buffer[CLI_FIELD_TIME_MAX];
    struct slice cells[CLI_VIEW_MAX + 1];
    const char *at = t->buffered.at;

    for (size_t i = 0; i < t->view->shown; i++) {
        natural[i] = cli_escape_width(column_title(t, i, buffer));
        if (t->rows == 0 && natural[i] < column(t, i)->typical)
            natural[i] = column(t, i)->typical;
        if (t->rows == 0 && i + 1 == t->view->shown)
            natural[i] = t->terminal;
    }
    for (size_t row = 0; row < t->rows; row++) {
        next_buffered_row(t, &at, cells);
        for (size_t i = 0; i < t->view->shown; i++) {
            size_t width = cli_escape_width(cell_text(t, i, cells[i], buffer));
            natural[i] = width > natural[i] ? width : natural[i];
        }
    }
}

/* Return the width of the table with every column at its minimum. */
static size_t total_min_width(const struct cli_columns *t, const size_t *natural)
{
    size_t sum = 0;

    for (size_t i = 0; i < t->view->shown; i++) {
        size_t min = column(t, i)->min_width;
        if (!t->hidden[i])
            sum += (min > 0 && min < natural[i] ? min : natural[i]) + (sum > 0 ? GAP : 0);
    }
    return sum;
}

static bool is_of_fleet(enum cli_field field)
{
    return field == CLI_FIELD_GROUP || field == CLI_FIELD_ORIGIN;
}

/* Hide columns without any entry, or of these only a fleet's; but "never" for all is worth showing. */
static void hide_empty(struct cli_columns *t, bool fleet_only)
{
    struct slice cells[CLI_VIEW_MAX + 1];
    bool empty[CLI_VIEW_MAX];
    const char *at = t->buffered.at;

    memset(empty, t->rows > 0, sizeof(empty));
    for (size_t row = 0; row < t->rows; row++) {
        next_buffered_row(t, &at, cells);
        for (size_t i = 0; i < t->view->shown; i++)
            empty[i] = empty[i] && cells[i].len == 0;
    }
    for (size_t i = 0; i < t->view->shown; i++)
        t->hidden[i] = empty[i] && column(t, i)->drop > 0 &&
                       strcmp(column(t, i)->absent, "-") == 0 &&
                       (!fleet_only || is_of_fleet(t->view->field[i]));
}

static void hide_columns(struct cli_columns *t, size_t *natural)
{
    if (t->view->fleet)
        hide_empty(t, true);
    if (total_min_width(t, natural) > t->terminal) {
        t->day_only = true;
        measure(t, natural);
    }
    if (total_min_width(t, natural) > t->terminal)
        hide_empty(t, false);
    for (unsigned drop = 1; drop <= CLI_VIEW_MAX && total_min_width(t, natural) > t->terminal;
         drop++)
        for (size_t i = 0; i < t->view->shown; i++)
            t->hidden[i] = t->hidden[i] || column(t, i)->drop == drop;
}

/* Give each column its width.  Those that may be cut share what the others leave, in order. */
static void assign_widths(struct cli_columns *t, const size_t *natural)
{
    size_t taken = total_min_width(t, natural);
    size_t spare = t->terminal > taken ? t->terminal - taken : 0;

    for (size_t i = 0; i < t->view->shown; i++) {
        size_t min = column(t, i)->min_width;
        t->width[i] = natural[i];
        if (t->hidden[i] || min == 0 || min >= natural[i])
            continue;
        size_t more = natural[i] - min < spare ? natural[i] - min : spare;
        t->width[i] = min + more;
        spare -= more;
    }
}

static void lay_out(struct cli_columns *t)
{
    struct slice cells[CLI_VIEW_MAX + 1];
    size_t natural[CLI_VIEW_MAX];
    const char *at = t->buffered.at;

    measure(t, natural);
    hide_columns(t, natural);
    assign_widths(t, natural);
    t->laid_out = true;
    write_row(t, NULL);
    for (size_t row = 0; row < t->rows; row++) {
        next_buffered_row(t, &at, cells);
        write_row(t, cells);
    }
    t->rows = 0;
    cli_buffer_clear(&t->buffered);
}

/* -- writing ---------------------------------------------------------------------------------- */

/* Write one cell; return its width. */
static size_t write_cell(struct cli_columns *t, size_t i, struct slice text)
{
    const char *colour = t->colours && column(t, i)->type == CLI_TYPE_STATE ?
                             cli_field_colour(text) :
                             NULL;
    size_t max_width = column(t, i)->min_width > 0 ? t->width[i] : SIZE_MAX;

    if (colour != NULL)
        cli_buffer_adds(t->out, colour);
    size_t taken = cli_escape_put(t->out, text, max_width);
    if (colour != NULL)
        cli_buffer_adds(t->out, CLI_FIELD_COLOUR_END);
    return taken;
}

/* Write one row, or the header if `cells` is NULL. */
static void write_row(struct cli_columns *t, const struct slice *cells)
{
    char buffer[CLI_FIELD_TIME_MAX];
    size_t pending_spaces = 0; /* before the next cell */

    for (size_t i = 0; i < t->view->shown; i++) {
        if (t->hidden[i])
            continue;
        struct slice text = cells != NULL ? cell_text(t, i, cells[i], buffer) :
                                            column_title(t, i, buffer);
        cli_buffer_pad(t->out, pending_spaces);
        size_t taken = write_cell(t, i, text);
        pending_spaces = (taken < t->width[i] ? t->width[i] - taken : 0) + GAP;
    }
    cli_buffer_addc(t->out, '\n');
    if (cells != NULL)
        cli_buffer_add(t->out, cells[t->view->shown].at, cells[t->view->shown].len);
}
