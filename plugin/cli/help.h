/* SPDX-License-Identifier: Apache-2.0 */
/* The help texts of the command. */
#ifndef JETON_PLUGIN_CLI_HELP_H
#define JETON_PLUGIN_CLI_HELP_H

#include "plugin/cli/verb.h"

/* Print the help of all verbs, or of the one that the first argument names. */
enum cli_exit cli_help(struct cli_request *c, const struct cli_verb *verbs, size_t count);

/* Report that a verb is none, with the one that was probably meant. */
void cli_help_no_verb(const char *name, const struct cli_verb *verbs, size_t count);

/* The usage line, for usage errors. */
extern const char cli_help_usage[];

#endif
