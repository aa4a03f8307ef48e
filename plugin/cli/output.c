/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/output.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "plugin/cli/csv.h"
#include "plugin/cli/pager.h"

enum { FLUSH_AT = 32 * 1024, TERMINAL_WIDTH = 80, LABEL_WIDTH = 11 };

static void put_plain(struct cli_buffer *b, const struct cli_view *view, const struct line *line);
static void put_id(struct cli_buffer *b, const struct line *line);
static void put_json(struct cli_buffer *b, const struct line *line, bool more);

/* -- writing ---------------------------------------------------------------------------------- */

void cli_output_init(struct cli_output *o, enum cli_output_form form)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

    o->terminal = isatty(STDOUT_FILENO);
    o->form = form == CLI_OUTPUT_HUMAN && !o->terminal ? CLI_OUTPUT_PLAIN : form;
    o->colours = o->form == CLI_OUTPUT_HUMAN && (no_color == NULL || no_color[0] == '\0') &&
                 term != NULL && strcmp(term, "dumb") != 0;
}

void cli_output_free(struct cli_output *o)
{
    cli_buffer_free(&o->columns.buffered);
    cli_buffer_free(&o->bytes);
}

static size_t terminal_width(void)
{
    struct winsize size;
    const char *columns = getenv("COLUMNS");
    uint64_t number;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    if (columns != NULL && number_parse(slice_of(columns), 10000, &number) && number > 0)
        return number;
    return TERMINAL_WIDTH;
}

/* True if the output held back has more lines than the screen. */
static bool fills_page(const struct cli_output *o)
{
    struct slice rest = cli_buffer_slice(&o->bytes);
    unsigned lines = 0;

    for (const char *end; rest.len > 0 && lines <= o->page; lines++) {
        end = memchr(rest.at, '\n', rest.len);
        size_t len = end != NULL ? (size_t)(end - rest.at) + 1 : rest.len;
        rest = (struct slice){ rest.at + len, rest.len - len };
    }
    return lines > o->page;
}

void cli_output_begin_page(struct cli_output *o)
{
    o->page = o->form == CLI_OUTPUT_HUMAN ? cli_pager_lines() : 0;
}

void cli_output_end_page(struct cli_output *o)
{
    cli_output_flush(o);
    o->page = 0;
    cli_output_flush(o);
    cli_pager_end();
}

int cli_output_try_flush(struct cli_output *o)
{
    struct pollfd writable = { .fd = STDOUT_FILENO, .events = POLLOUT };

    if (o->page > 0 && !fills_page(o))
        return 0;
    if (o->page > 0) {
        o->page = 0;
        cli_pager_start();
    }
    while (o->bytes.len > 0) {
        ssize_t written = write(STDOUT_FILENO, o->bytes.at, o->bytes.len);
        if (written < 0 && errno == EAGAIN)
            poll(&writable, 1, -1);
        if (written < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (written < 0)
            return -errno;
        cli_buffer_drop(&o->bytes, (size_t)written);
    }
    return 0;
}

void cli_output_flush(struct cli_output *o)
{
    int error = cli_output_try_flush(o);

    if (error == 0)
        return;
    if (error == -EPIPE && cli_pager_runs()) { /* the user has seen enough */
        cli_pager_end();
        exit(CLI_EXIT_YES);
    }
    if (error != -EPIPE)
        cli_message("cannot write to standard output: %s", strerror(-error));
    exit(CLI_EXIT_UNAVAILABLE);
}

/* -- rows ------------------------------------------------------------------------------------- */

void cli_output_rows(struct cli_output *o, const struct cli_view *view, bool live)
{
    o->view = view;
    o->live = live;
    o->begun = false;
    if (!live)
        cli_output_begin_page(o);
    if (o->form == CLI_OUTPUT_CSV)
        cli_csv_header(&o->bytes, view);
    if (o->form == CLI_OUTPUT_HUMAN)
        cli_columns_begin(&o->columns, view, &o->bytes, terminal_width(), o->colours, live);
}

void cli_output_row(struct cli_output *o, const struct line *line)
{
    if (o->form == CLI_OUTPUT_HUMAN) {
        cli_columns_row(&o->columns, line);
    } else if (o->form == CLI_OUTPUT_PLAIN) {
        put_plain(&o->bytes, o->view, line);
    } else if (o->form == CLI_OUTPUT_CSV) {
        cli_csv_row(&o->bytes, o->view, line);
    } else if (o->form == CLI_OUTPUT_QUIET) {
        put_id(&o->bytes, line);
    } else {
        if (!o->live)
            cli_buffer_adds(&o->bytes, o->begun ? ",\n" : "[\n");
        cli_buffer_addc(&o->bytes, '{');
        put_json(&o->bytes, line, false);
        cli_buffer_adds(&o->bytes, o->live ? "}\n" : "}");
    }
    o->begun = true;
    if (o->bytes.len >= FLUSH_AT)
        cli_output_flush(o);
}

void cli_output_end(struct cli_output *o, bool answered)
{
    if (o->form == CLI_OUTPUT_HUMAN)
        cli_columns_end(&o->columns);
    if (o->form == CLI_OUTPUT_JSON && !o->live && (o->begun || answered))
        cli_buffer_adds(&o->bytes, o->begun ? "\n]\n" : "[]\n");
    cli_output_end_page(o);
}

static void put_plain(struct cli_buffer *b, const struct cli_view *view, const struct line *line)
{
    for (size_t i = 0; i < view->count; i++) {
        if (i > 0)
            cli_buffer_addc(b, '\t');
        cli_escape_put_plain(b, line_get(line, cli_field_row(view->field[i])->key));
    }
    cli_buffer_addc(b, '\n');
}

/* Add the identifier alone, if there is one. */
static void put_id(struct cli_buffer *b, const struct line *line)
{
    struct slice id = line_get(line, "id");

    if (id.len == 0)
        return;
    cli_escape_put_plain(b, id);
    cli_buffer_addc(b, '\n');
}

/* -- JSON ------------------------------------------------------------------------------------- */

static void put_json_list(struct cli_buffer *b, struct slice words)
{
    cli_buffer_addc(b, '[');
    for (bool more = false; words.len > 0; more = true) {
        const char *comma = memchr(words.at, ',', words.len);
        size_t len = comma != NULL ? (size_t)(comma - words.at) : words.len;
        if (more)
            cli_buffer_adds(b, ", ");
        cli_escape_put_json(b, (struct slice){ words.at, len });
        len += comma != NULL ? 1 : 0;
        words = (struct slice){ words.at + len, words.len - len };
    }
    cli_buffer_addc(b, ']');
}

/* True if every JSON parser keeps the number exactly. */
static bool is_number(struct slice text)
{
    uint64_t number;

    return number_parse(text, UINT64_C(1) << 53, &number) && (text.at[0] != '0' || text.len == 1);
}

static bool seen_before(const struct line *line, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (slice_equal(line->argument[i].key, line->argument[at].key))
            return true;
    return false;
}

/* Add each field once.  `more`: other fields come before them. */
static void put_json(struct cli_buffer *b, const struct line *line, bool more)
{
    for (size_t i = 0; i < line->count; i++) {
        const struct argument *a = &line->argument[i];
        bool taken = more && (slice_is(a->key, "ok") || slice_is(a->key, "reason"));
        if (a->key.len == 0 || taken || seen_before(line, i))
            continue;
        enum cli_field_type type = cli_field_type(a->key);
        if (more)
            cli_buffer_adds(b, ", ");
        more = true;
        cli_escape_put_json(b, a->key);
        cli_buffer_adds(b, ": ");
        if (type == CLI_TYPE_LIST)
            put_json_list(b, a->value);
        else if (type == CLI_TYPE_NUMBER && is_number(a->value))
            cli_buffer_add(b, a->value.at, a->value.len);
        else
            cli_escape_put_json(b, a->value);
    }
}

/* -- objects ---------------------------------------------------------------------------------- */

static size_t label_width(const struct line *line)
{
    size_t width = LABEL_WIDTH;

    for (size_t i = 0; i < line->count; i++)
        if (line->argument[i].key.len > width)
            width = line->argument[i].key.len;
    return width;
}

void cli_output_block(struct cli_buffer *b, const struct line *line, const char *except,
                      bool colours)
{
    char buffer[CLI_FIELD_TIME_MAX];
    size_t width = label_width(line);

    for (size_t i = 0; i < line->count; i++) {
        const struct argument *a = &line->argument[i];
        enum cli_field_type type = cli_field_type(a->key);
        struct slice text = cli_field_time(a->value, type, CLI_FIELD_TIME_WHOLE, buffer);
        const char *colour = colours && type == CLI_TYPE_STATE ? cli_field_colour(text) : NULL;
        if (a->key.len == 0 || (except != NULL && slice_is(a->key, except)))
            continue;
        cli_buffer_pad(b, width - cli_escape_put(b, a->key, SIZE_MAX) + 2);
        cli_buffer_adds(b, colour != NULL ? colour : "");
        cli_escape_put(b, text, SIZE_MAX);
        cli_buffer_adds(b, colour != NULL ? CLI_FIELD_COLOUR_END : "");
        cli_buffer_addc(b, '\n');
    }
}

static void put_pairs(struct cli_buffer *b, const struct line *line)
{
    for (size_t i = 0; i < line->count; i++) {
        if (line->argument[i].key.len == 0)
            continue;
        cli_escape_put_plain(b, line->argument[i].key);
        cli_buffer_addc(b, '\t');
        cli_escape_put_plain(b, line->argument[i].value);
        cli_buffer_addc(b, '\n');
    }
}

void cli_output_object(struct cli_output *o, const struct cli_view *view, const struct line *line,
                       struct slice reason)
{
    bool ok = reason.len == 0;
    bool bare = line->count == 0 || line->argument[line->count - 1].key.len == 0;

    if (o->form == CLI_OUTPUT_JSON) {
        cli_buffer_adds(&o->bytes, ok ? "{\"ok\": true" : "{\"ok\": false, \"reason\": ");
        if (!ok)
            cli_escape_put_json(&o->bytes, reason);
        put_json(&o->bytes, line, true);
        cli_buffer_adds(&o->bytes, "}\n");
    } else if (o->form == CLI_OUTPUT_QUIET) {
        if (ok)
            put_id(&o->bytes, line);
    } else if (ok && o->form == CLI_OUTPUT_CSV) {
        cli_csv_object(&o->bytes, view, line);
    } else if (ok && view == NULL && bare) {
        cli_buffer_adds(&o->bytes, "OK\n");
    } else if (ok && o->form == CLI_OUTPUT_HUMAN) {
        cli_output_block(&o->bytes, line, NULL, o->colours);
    } else if (ok && view != NULL) {
        put_plain(&o->bytes, view, line);
    } else if (ok) {
        put_pairs(&o->bytes, line);
    }
}
