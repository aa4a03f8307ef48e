/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/columns.h"

enum { KEPT_MAX = 500, GAP = 2 };

static void keep(struct cli_columns *t, const struct slice *cells);
static void lay_out(struct cli_columns *t);
static void measure(struct cli_columns *t, size_t *natural);
static void leave_out(struct cli_columns *t, size_t *natural);
static void share_out(struct cli_columns *t, const size_t *natural);
static void write_row(struct cli_columns *t, const struct slice *cells);

static const struct cli_field_row *column(const struct cli_columns *t, size_t i)
{
    return cli_field_row(t->view->field[i]);
}

/* -- rows ------------------------------------------------------------------------------------ */

void cli_columns_begin(struct cli_columns *t, const struct cli_view *view, struct cli_buffer *out,
                       size_t terminal, bool colours, bool live)
{
    cli_buffer_free(&t->kept);
    *t = (struct cli_columns){
        .view = view,
        .out = out,
        .terminal = terminal,
        .colours = colours,
    };
    if (live)
        lay_out(t);
}

void cli_columns_row(struct cli_columns *t, const struct line *line)
{
    struct slice cells[CLI_VIEW_MAX];

    for (size_t i = 0; i < t->view->shown; i++)
        cells[i] = line_get(line, column(t, i)->key);
    if (!t->laid_out && t->rows == KEPT_MAX)
        lay_out(t);
    if (t->laid_out)
        write_row(t, cells);
    else
        keep(t, cells);
}

void cli_columns_end(struct cli_columns *t)
{
    if (!t->laid_out && t->rows > 0)
        lay_out(t);
    cli_buffer_free(&t->kept);
}

static void keep(struct cli_columns *t, const struct slice *cells)
{
    for (size_t i = 0; i < t->view->shown; i++) {
        cli_buffer_add(&t->kept, &cells[i].len, sizeof(cells[i].len));
        cli_buffer_add(&t->kept, cells[i].at, cells[i].len);
    }
    t->rows++;
}

/* Reads one kept row, and moves on to the next. */
static void recall(const struct cli_columns *t, const char **at, struct slice *cells)
{
    for (size_t i = 0; i < t->view->shown; i++) {
        memcpy(&cells[i].len, *at, sizeof(cells[i].len));
        cells[i].at = *at + sizeof(cells[i].len);
        *at = cells[i].at + cells[i].len;
    }
}

/* -- columns --------------------------------------------------------------------------------- */

static bool is_time(const struct cli_columns *t, size_t i)
{
    return column(t, i)->type == CLI_DATE || column(t, i)->type == CLI_MOMENT;
}

static struct slice title(const struct cli_columns *t, size_t i, char room[CLI_TIME_TEXT])
{
    struct text made = text_in(room, CLI_TIME_TEXT);

    text_adds(&made, column(t, i)->title);
    if (is_time(t, i) && !(column(t, i)->type == CLI_DATE && t->day_only))
        text_adds(&made, " UTC");
    return text_slice(&made);
}

static struct slice shown(const struct cli_columns *t, size_t i, struct slice cell,
                          char room[CLI_TIME_TEXT])
{
    if (cell.len == 0)
        return slice_of(column(t, i)->absent);
    return cli_field_time(cell, column(t, i)->type, t->day_only, room);
}

/* Without rows to measure, the last column may have all there is. */
static void measure(struct cli_columns *t, size_t *natural)
{
    char room[CLI_TIME_TEXT];
    struct slice cells[CLI_VIEW_MAX];
    const char *at = t->kept.at;

    for (size_t i = 0; i < t->view->shown; i++) {
        natural[i] = cli_escape_width(title(t, i, room));
        if (t->rows == 0 && natural[i] < column(t, i)->typical)
            natural[i] = column(t, i)->typical;
        if (t->rows == 0 && i + 1 == t->view->shown)
            natural[i] = t->terminal;
    }
    for (size_t row = 0; row < t->rows; row++) {
        recall(t, &at, cells);
        for (size_t i = 0; i < t->view->shown; i++) {
            size_t width = cli_escape_width(shown(t, i, cells[i], room));
            natural[i] = width > natural[i] ? width : natural[i];
        }
    }
}

/* What the table takes at least. */
static size_t least(const struct cli_columns *t, const size_t *natural)
{
    size_t sum = 0;

    for (size_t i = 0; i < t->view->shown; i++) {
        size_t most = column(t, i)->least;
        if (!t->left_out[i])
            sum += (most > 0 && most < natural[i] ? most : natural[i]) + (sum > 0 ? GAP : 0);
    }
    return sum;
}

static void find_empty(struct cli_columns *t)
{
    struct slice cells[CLI_VIEW_MAX];
    bool empty[CLI_VIEW_MAX];
    const char *at = t->kept.at;

    memset(empty, t->rows > 0, sizeof(empty));
    for (size_t row = 0; row < t->rows; row++) {
        recall(t, &at, cells);
        for (size_t i = 0; i < t->view->shown; i++)
            empty[i] = empty[i] && cells[i].len == 0;
    }
    for (size_t i = 0; i < t->view->shown; i++)
        t->left_out[i] = empty[i] && column(t, i)->drop > 0;
}

static void leave_out(struct cli_columns *t, size_t *natural)
{
    if (least(t, natural) > t->terminal) {
        t->day_only = true;
        measure(t, natural);
    }
    if (least(t, natural) > t->terminal)
        find_empty(t);
    for (unsigned drop = 1; drop <= CLI_VIEW_MAX && least(t, natural) > t->terminal; drop++)
        for (size_t i = 0; i < t->view->shown; i++)
            t->left_out[i] = t->left_out[i] || column(t, i)->drop == drop;
}

/* Columns that may be cut get what the others leave, the first of them first. */
static void share_out(struct cli_columns *t, const size_t *natural)
{
    size_t taken = least(t, natural);
    size_t spare = t->terminal > taken ? t->terminal - taken : 0;

    for (size_t i = 0; i < t->view->shown; i++) {
        size_t most = column(t, i)->least;
        t->width[i] = natural[i];
        if (t->left_out[i] || most == 0 || most >= natural[i])
            continue;
        size_t more = natural[i] - most < spare ? natural[i] - most : spare;
        t->width[i] = most + more;
        spare -= more;
    }
}

static void lay_out(struct cli_columns *t)
{
    struct slice cells[CLI_VIEW_MAX];
    size_t natural[CLI_VIEW_MAX];
    const char *at = t->kept.at;

    measure(t, natural);
    leave_out(t, natural);
    share_out(t, natural);
    t->laid_out = true;
    write_row(t, NULL);
    for (size_t row = 0; row < t->rows; row++) {
        recall(t, &at, cells);
        write_row(t, cells);
    }
    t->rows = 0;
    cli_buffer_clear(&t->kept);
}

/* -- writing --------------------------------------------------------------------------------- */

/* Returns the columns taken. */
static size_t write_cell(struct cli_columns *t, size_t i, struct slice text)
{
    const char *colour = t->colours && column(t, i)->type == CLI_STATE ? cli_field_colour(text) :
                                                                         NULL;
    size_t room = column(t, i)->least > 0 ? t->width[i] : SIZE_MAX;

    if (colour != NULL)
        cli_buffer_adds(t->out, colour);
    size_t taken = cli_escape_put(t->out, text, room);
    if (colour != NULL)
        cli_buffer_adds(t->out, CLI_COLOUR_END);
    return taken;
}

/* NULL: the header. */
static void write_row(struct cli_columns *t, const struct slice *cells)
{
    char room[CLI_TIME_TEXT];
    size_t behind = 0; /* spaces owed before the next cell */

    for (size_t i = 0; i < t->view->shown; i++) {
        if (t->left_out[i])
            continue;
        struct slice text = cells != NULL ? shown(t, i, cells[i], room) : title(t, i, room);
        cli_buffer_pad(t->out, behind);
        size_t taken = write_cell(t, i, text);
        behind = (taken < t->width[i] ? t->width[i] - taken : 0) + GAP;
    }
    cli_buffer_addc(t->out, '\n');
}
