/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of comma-separated values (RFC 4180), read line by line: a quoted field may have line ends in
 * it. */
#ifndef JETON_PLUGIN_CLI_CSV_ROW_H
#define JETON_PLUGIN_CLI_CSV_ROW_H

#include "plugin/cli/buffer.h"

enum { CSV_FIELDS_MAX = 64, CSV_ROW_MAX = 64 * 1024 };

/* All zeros: empty. */
struct csv_row {
    struct cli_buffer bytes; /* of the row so far; then, its fields without quotes */
    size_t fields;
    struct slice field[CSV_FIELDS_MAX];
};

enum csv_result { CSV_ROW, CSV_MORE, CSV_BAD };

/* Add a line, without its end.  CSV_ROW: the fields are there until the next line is added;
 * CSV_MORE: a quoted field goes on in the next line; CSV_BAD: *why says what is wrong with the row,
 * and the next line begins another one. */
enum csv_result csv_row_add(struct csv_row *row, struct slice line, const char **why);

/* True if a row has begun that needs more lines. */
bool csv_row_is_open(const struct csv_row *row);

void csv_row_free(struct csv_row *row);

#endif
