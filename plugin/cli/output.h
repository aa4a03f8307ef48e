/* SPDX-License-Identifier: Apache-2.0 */
/* What the command prints on standard output, in the form that is wanted.
 *
 *   people     on a terminal: tables with a header, and blocks of "key  value" lines
 *   plain      else: a line for each object, a tab between the fields of its view, no header;
 *              an absent field is empty
 *   JSON       --json: an array of objects, or one object
 *
 * If standard output cannot be written the command ends; quietly if nobody reads it any more. */
#ifndef JETON_PLUGIN_CLI_OUTPUT_H
#define JETON_PLUGIN_CLI_OUTPUT_H

#include "plugin/cli/message.h"
#include "plugin/cli/columns.h"

enum cli_form { CLI_PEOPLE, CLI_PLAIN, CLI_JSON };

struct cli_output {
    enum cli_form form;
    bool terminal; /* standard output is one */
    bool colours;
    bool live;                   /* rows are not waited for, and not put into an array */
    bool begun;                  /* a row was written */
    const struct cli_view *view; /* of the rows that come */
    struct cli_columns table;
    struct cli_buffer bytes; /* not yet written */
};

/* Looks at standard output and the environment. */
void cli_output_init(struct cli_output *o, bool json, bool plain);
void cli_output_free(struct cli_output *o);

/* Rows of this view follow. */
void cli_output_rows(struct cli_output *o, const struct cli_view *view, bool live);
void cli_output_row(struct cli_output *o, const struct line *line);

/* No more of them.  Not `answered`: an array that was not begun is not written. */
void cli_output_end(struct cli_output *o, bool answered);

/* Adds one object.  `view` says what plain output has of it; NULL: a line for each field, with its
 * key, or "OK" if there are none.  A refusal has a reason, and is shown in JSON only; there "ok"
 * and the reason come first. */
void cli_output_object(struct cli_output *o, const struct cli_view *view, const struct line *line,
                       struct slice reason);

/* "key  value" lines for people, of all the fields but `except`. */
void cli_output_block(struct cli_buffer *b, const struct line *line, const char *except,
                      bool colours);

/* Writes what there is; 0 or -errno. */
int cli_output_try_flush(struct cli_output *o);

/* The same, but the command ends if that is not possible. */
void cli_output_flush(struct cli_output *o);

#endif
