/* SPDX-License-Identifier: Apache-2.0 */
/* CSV (RFC 4180), for spreadsheets: a header with the names of the fields, lines that end with CRLF.
 *
 * A spreadsheet takes a text that begins with = + - or @ for a formula, and whoever makes a token
 * chooses its texts: an apostrophe is put before them, and behind a semicolon within a text. */
#ifndef JETON_PLUGIN_CLI_CSV_H
#define JETON_PLUGIN_CLI_CSV_H

#include "plugin/cli/buffer.h"
#include "plugin/cli/field.h"

void cli_csv_header(struct cli_buffer *b, const struct cli_view *view);
void cli_csv_row(struct cli_buffer *b, const struct cli_view *view, const struct line *line);

/* Add one object with its header; without a view, the names and values of its fields. */
void cli_csv_object(struct cli_buffer *b, const struct cli_view *view, const struct line *line);

#endif
