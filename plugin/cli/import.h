/* SPDX-License-Identifier: Apache-2.0 */
/* Import many tokens from standard input. */
#ifndef JETON_PLUGIN_CLI_IMPORT_H
#define JETON_PLUGIN_CLI_IMPORT_H

#include "plugin/cli/request.h"

/* Import the one token that the arguments describe; or, without any, many from standard input.
 *
 * Read lines as `jeton export` prints them, or just the arguments of import; skip blank lines and
 * comments.  Send nothing but import requests, many at once.  Stop at the first refused line,
 * unless --keep-going is given, and always at one that the daemon cannot save.  Report which lines
 * were refused, and at the end how many were imported. */
enum cli_exit cli_import(struct cli_request *c, const struct cli_view *view);

/* Choose another format for that, in which lists of others are (import_format.h).  Return NULL, or what
 * is wrong with its name. */
const char *cli_import_set_format(struct cli_request *c, const char *name);

#endif
