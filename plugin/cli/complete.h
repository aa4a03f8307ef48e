/* SPDX-License-Identifier: Apache-2.0 */
/* What may stand where the cursor is, for the completion of shells: `jeton --complete`.  It reads the
 * words behind the command's name up to the cursor from standard input, each with a NUL behind it; the
 * last one is that which is being written, and may be empty.  They are no arguments, as one may be a
 * value at the wrong place.
 *
 * Prints lines of a candidate, a tab, and a description.  A candidate that ends with '=' or '/' is not
 * finished.  The line "<files>" asks the shell for names of files. */
#ifndef JETON_PLUGIN_CLI_COMPLETE_H
#define JETON_PLUGIN_CLI_COMPLETE_H

#include "plugin/cli/verb.h"

enum cli_exit cli_complete(struct cli_request *c, const struct cli_verb *verbs, size_t count);

#endif
