/* SPDX-License-Identifier: Apache-2.0 */
/* Aligned tables for a terminal.
 *
 * The first rows are buffered until there are enough to measure the columns; later rows are fitted
 * into those.  Where the terminal is too narrow, in this order: times become days, columns without
 * any entry are hidden, the least important columns are hidden, long texts are cut. */
#ifndef JETON_PLUGIN_CLI_COLUMNS_H
#define JETON_PLUGIN_CLI_COLUMNS_H

#include "plugin/cli/escape.h"
#include "plugin/cli/field.h"

struct cli_columns {
    const struct cli_view *view;
    struct cli_buffer *out;
    size_t terminal; /* its width */
    bool colours;
    bool laid_out; /* the header is written, and rows are not buffered any more */
    bool day_only;
    size_t rows;                /* that are buffered */
    struct cli_buffer buffered; /* of each cell its length and its bytes */
    size_t width[CLI_VIEW_MAX];
    bool hidden[CLI_VIEW_MAX];
};

/* Begins a table, which is written to `out`.  Live: each row at once, in columns of typical
 * widths. */
void cli_columns_begin(struct cli_columns *t, const struct cli_view *view, struct cli_buffer *out,
                       size_t terminal, bool colours, bool live);
void cli_columns_row(struct cli_columns *t, const struct line *line);

/* Writes the rows that are still buffered; a table without rows has no header. */
void cli_columns_end(struct cli_columns *t);

#endif
