/* SPDX-License-Identifier: Apache-2.0 */
/* Aligned tables for a terminal.
 *
 * The first rows are buffered until there are enough to measure the columns; later rows are fitted
 * into those.  Where the terminal is too narrow, these steps are taken in order: times lose their
 * last parts, columns without any entry are hidden, the least important columns are hidden, long
 * texts are cut.
 *
 * Where the view asks for it, the lines of changes.h follow a row. */
#ifndef JETON_PLUGIN_CLI_COLUMNS_H
#define JETON_PLUGIN_CLI_COLUMNS_H

#include "plugin/cli/escape.h"
#include "plugin/cli/field.h"

struct cli_columns {
    const struct cli_view *view;
    struct cli_buffer *out;
    size_t terminal; /* width of the terminal */
    bool colours;
    bool laid_out; /* the header is written, and rows are no longer buffered */
    bool day_only;
    size_t rows;                /* number of buffered rows */
    struct cli_buffer buffered; /* for each cell its length and its bytes */
    size_t width[CLI_VIEW_MAX];
    bool hidden[CLI_VIEW_MAX];
};

/* Begin a table, which is written to `out`.  If `live`, write each row at once, in columns of
 * typical widths. */
void cli_columns_begin(struct cli_columns *t, const struct cli_view *view, struct cli_buffer *out,
                       size_t terminal, bool colours, bool live);
void cli_columns_row(struct cli_columns *t, const struct line *line);

/* Write the rows that are still buffered.  A table without rows has no header. */
void cli_columns_end(struct cli_columns *t);

#endif
