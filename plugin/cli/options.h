/* SPDX-License-Identifier: Apache-2.0 */
/* The options of the command line.  One table has their names and their help; parsing also takes a
 * key that is written as an option is: --description "ci deploy". */
#ifndef JETON_PLUGIN_CLI_OPTIONS_H
#define JETON_PLUGIN_CLI_OPTIONS_H

#include "plugin/cli/request.h"

/* An option sets a flag of the request, or has an argument. */
struct cli_option {
    const char *name;
    char letter;          /* or 0 */
    const char *argument; /* what stands for it in help; NULL: there is none */
    const char *summary;
    const char *verbs; /* the only ones that it is of, joined by ", "; NULL: it is of all */
    size_t flag;       /* offset of the flag in struct cli_request, if there is no argument */
    /* Takes the argument.  Returns NULL or an error message. */
    const char *(*take)(struct cli_request *c, const char *argument);
};

/* Return the option with this number, or NULL after the last. */
const struct cli_option *cli_option_row(size_t i);

/* Return the option with this name, or else with this letter; NULL: there is none. */
const struct cli_option *cli_option_named(struct slice name, char letter);

/* Parse the options in argv, which ends with NULL, and gather the other arguments at its front, as
 * those of the request.  Return CLI_EXIT_YES, or another status after a message. */
enum cli_exit cli_options_parse(struct cli_request *c, char **argv);

/* Choose the form of the output, by the options. */
enum cli_output_form cli_options_form(const struct cli_request *c);

#endif
