/* SPDX-License-Identifier: Apache-2.0 */
/* Imports many tokens from standard input. */
#ifndef JETON_PLUGIN_CLI_IMPORT_H
#define JETON_PLUGIN_CLI_IMPORT_H

#include "plugin/cli/request.h"

/* Reads lines as `jeton export` prints them, or the arguments of import alone; blank lines and
 * comments are skipped, and no request but import is ever sent.  Many are in flight at once.  The
 * first refused line stops it, unless --keep-going is given; one that the daemon cannot save always
 * does.  Reports which lines were refused, and at the end how many were imported. */
enum cli_exit cli_import_lines(struct cli_request *c);

#endif
