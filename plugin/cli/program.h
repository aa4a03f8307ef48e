/* SPDX-License-Identifier: Apache-2.0 */
/* Become another program of ours, which does what the command has no libraries for. */
#ifndef JETON_PLUGIN_CLI_PROGRAM_H
#define JETON_PLUGIN_CLI_PROGRAM_H

#include "plugin/cli/exit.h"

/* Become the program `name` beside this one, as in the tree that both were built in, or else the installed one, whose
 * path that is, with `words`, the last of which is NULL.  Returns only if it fails, after a message; `missing` says
 * where to get it if it is not there. */
enum cli_exit cli_program_become(const char *name, const char *installed, const char *const *words,
                                 const char *missing);

#endif
