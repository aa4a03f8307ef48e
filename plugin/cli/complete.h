/* SPDX-License-Identifier: Apache-2.0 */
/* What may stand where the cursor is, for the completion of shells: `jeton --complete WORD...`, with
 * the words before the cursor, and the one that is being written last.
 *
 * Prints lines of a candidate, a tab, and a description.  A candidate that ends with '=' or '/' is not
 * finished.  The line "<files>" asks the shell for names of files. */
#ifndef JETON_PLUGIN_CLI_COMPLETE_H
#define JETON_PLUGIN_CLI_COMPLETE_H

#include "plugin/cli/verb.h"

enum cli_exit cli_complete(struct cli_request *c, char **words, const struct cli_verb *verbs,
                           size_t count);

#endif
