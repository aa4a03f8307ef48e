/* SPDX-License-Identifier: Apache-2.0 */
/* Asking one question and showing its answer.  Each returns the exit status. */
#ifndef JETON_PLUGIN_CLI_SHOW_H
#define JETON_PLUGIN_CLI_SHOW_H

#include "plugin/cli/request.h"

/* Data lines are rows of the view. */
enum cli_exit cli_show_rows(struct cli *c, const struct cli_view *view);

/* The only data line, or else the final line, is an object. */
enum cli_exit cli_show_object(struct cli *c, const struct cli_view *view);

/* The object has a value, which goes to standard output alone if that is not a terminal. */
enum cli_exit cli_show_secret(struct cli *c, const struct cli_view *view);

/* The lines themselves, for `jeton import`. */
enum cli_exit cli_show_lines(struct cli *c, const struct cli_view *view);

#endif
