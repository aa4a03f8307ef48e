/* SPDX-License-Identifier: Apache-2.0 */
/* Escape text that others wrote.
 *
 * A terminal obeys control characters, so none of theirs may reach it: they become \n, \x1b, \u202e
 * and the like.  Bytes that are not UTF-8 become U+FFFD. */
#ifndef JETON_PLUGIN_CLI_ESCAPE_H
#define JETON_PLUGIN_CLI_ESCAPE_H

#include "plugin/cli/buffer.h"

/* Take the character set from the environment.  Must be called once, before all others. */
void cli_escape_setup(void);

/* Return the width of the escaped text on a terminal. */
size_t cli_escape_width(struct slice text);

/* Add the text for a terminal, cut with an ellipsis if it would take more than `width` columns.
 * Characters that the terminal's character set lacks become \uHHHH.  Return its width. */
size_t cli_escape_put(struct cli_buffer *b, struct slice text, size_t width);

/* Add the text as a field between tabs: unchanged but for backslashes and control characters, which
 * become \\, \t, \n, \r or \xHH as in the protocol. */
void cli_escape_put_plain(struct cli_buffer *b, struct slice text);

/* Add the text as it is within the quotes of a CSV field: quotes twice, control characters escaped as
 * for a terminal. */
void cli_escape_put_csv(struct cli_buffer *b, struct slice text);

/* Add the text as a JSON string, quotes included (RFC 8259). */
void cli_escape_put_json(struct cli_buffer *b, struct slice text);

#endif
