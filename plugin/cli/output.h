/* SPDX-License-Identifier: Apache-2.0 */
/* What the command prints on standard output, in one of three forms.
 *
 *   human      on a terminal: tables with a header, and blocks of "key  value" lines
 *   plain      otherwise: a line for each object, tabs between the fields of its view, no header;
 *              an absent field is empty
 *   JSON       --json: an array of objects, or one object
 *   CSV        --csv: a header, and a record for each object (RFC 4180)
 *   quiet      --quiet: the identifier of each object alone
 *
 * If standard output cannot be written, the command exits; silently if nobody reads it any more. */
#ifndef JETON_PLUGIN_CLI_OUTPUT_H
#define JETON_PLUGIN_CLI_OUTPUT_H

#include "plugin/cli/columns.h"
#include "plugin/cli/message.h"

enum cli_output_form {
    CLI_OUTPUT_HUMAN,
    CLI_OUTPUT_PLAIN,
    CLI_OUTPUT_JSON,
    CLI_OUTPUT_CSV,
    CLI_OUTPUT_QUIET,
};

struct cli_output {
    enum cli_output_form form;
    bool terminal; /* standard output is a terminal */
    bool colours;
    bool live;                   /* write each row at once, and no JSON array around them */
    bool begun;                  /* a row was added */
    unsigned page;               /* hold what fits on this many lines back; 0: nothing */
    const struct cli_view *view; /* of the rows */
    struct cli_columns columns;
    struct cli_buffer bytes; /* still to be written */
};

/* Take the form that the options choose; HUMAN becomes PLAIN where standard output is no terminal. */
void cli_output_init(struct cli_output *o, enum cli_output_form form);
void cli_output_free(struct cli_output *o);

/* Begin rows of a view. */
void cli_output_rows(struct cli_output *o, const struct cli_view *view, bool live);
void cli_output_row(struct cli_output *o, const struct line *line);

/* End the rows.  If the request was not `answered`, write no empty JSON array. */
void cli_output_end(struct cli_output *o, bool answered);

/* Add one object.  Plain output has the fields of `view`; if that is NULL, it has a line for each
 * field with its key, or "OK" if there are none.  A refusal has a reason and is shown in JSON only,
 * where "ok" and the reason come first. */
void cli_output_object(struct cli_output *o, const struct cli_view *view, const struct line *line,
                       struct slice reason);

/* Add "key  value" lines for people, for all fields but `except` (or NULL). */
void cli_output_block(struct cli_buffer *b, const struct line *line, const char *except,
                      bool colours);

/* Let what is longer than the screen go through a pager, until cli_output_end_page(): it writes what
 * is left, and waits until the user leaves the pager. */
void cli_output_begin_page(struct cli_output *o);
void cli_output_end_page(struct cli_output *o);

/* Write all bytes; 0 or -errno. */
int cli_output_try_flush(struct cli_output *o);

/* Do the same, but exit if that fails. */
void cli_output_flush(struct cli_output *o);

#endif
