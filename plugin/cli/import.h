/* SPDX-License-Identifier: Apache-2.0 */
/* Importing many tokens from standard input. */
#ifndef JETON_PLUGIN_CLI_IMPORT_H
#define JETON_PLUGIN_CLI_IMPORT_H

#include "plugin/cli/request.h"

/* Reads lines as `jeton export` prints them, or the arguments of import alone; blank lines and
 * comments are skipped, and nothing but an import is ever asked for.  Many are on their way at
 * once.  The first one refused stops it, unless told to keep going; one the daemon cannot save
 * always does.  Says which lines were refused, and at the end how many were taken. */
enum cli_exit cli_import_lines(struct cli *c);

#endif
