/* SPDX-License-Identifier: Apache-2.0 */
/* Escapes text that others wrote.
 *
 * A terminal obeys control characters, so none of theirs may reach it: they become \n, \x1b, \u202e
 * and the like.  Bytes that are not UTF-8 become U+FFFD. */
#ifndef JETON_PLUGIN_CLI_ESCAPE_H
#define JETON_PLUGIN_CLI_ESCAPE_H

#include "plugin/cli/buffer.h"

/* Takes the character set from the environment.  To be called once, before all others. */
void cli_escape_setup(void);

/* The width of the escaped text on a terminal. */
size_t cli_escape_width(struct slice text);

/* Adds the text for a terminal, cut with an ellipsis if it would take more than `width` columns.
 * Characters that the terminal's character set lacks become \uHHHH.  Returns its
 * width. */
size_t cli_escape_put(struct cli_buffer *b, struct slice text, size_t width);

/* Adds the text as a field between tabs: unchanged but for backslashes and control characters,
 * which become \\, \t, \n, \r or \xHH as in the protocol. */
void cli_escape_put_plain(struct cli_buffer *b, struct slice text);

/* Adds the text as a JSON string, quotes included (RFC 8259). */
void cli_escape_put_json(struct cli_buffer *b, struct slice text);

#endif
