/* SPDX-License-Identifier: Apache-2.0 */
/* Aligned tables for a terminal.
 *
 * The first rows are kept until there are enough to measure the columns; those behind them are
 * fitted in.  Where the terminal is too narrow, in this order: times become days, columns without
 * a single entry go, the least important columns go, long texts are cut with an ellipsis. */
#ifndef JETON_PLUGIN_CLI_COLUMNS_H
#define JETON_PLUGIN_CLI_COLUMNS_H

#include "plugin/cli/field.h"
#include "plugin/cli/escape.h"

struct cli_columns {
    const struct cli_view *view;
    struct cli_buffer *out;
    size_t terminal; /* its columns */
    bool colours;
    bool laid_out; /* the header is written; rows follow at once */
    bool day_only;
    size_t rows;            /* in `kept` */
    struct cli_buffer kept; /* each cell: its length, its bytes */
    size_t width[CLI_VIEW_MAX];
    bool left_out[CLI_VIEW_MAX];
};

/* The rows are written to `out`.  Live: every row at once, in columns of typical widths. */
void cli_columns_begin(struct cli_columns *t, const struct cli_view *view, struct cli_buffer *out,
                       size_t terminal, bool colours, bool live);
void cli_columns_row(struct cli_columns *t, const struct line *line);

/* Writes what is still kept; a table without rows has no header. */
void cli_columns_end(struct cli_columns *t);

#endif
