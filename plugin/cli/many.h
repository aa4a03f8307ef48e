/* SPDX-License-Identifier: Apache-2.0 */
/* Changes, and above all those of many tokens, which are confirmed by their number.
 *
 * Without count= the daemon is asked how many match; on a terminal the user confirms that number, or
 * --yes does.  It is then sent as count=, so that what was confirmed is what is changed. */
#ifndef JETON_PLUGIN_CLI_MANY_H
#define JETON_PLUGIN_CLI_MANY_H

#include "plugin/cli/request.h"

/* Send a change of one token or of many, and show its reply. */
enum cli_exit cli_many_change(struct cli_request *c, const struct cli_view *view);

/* Return the argument that a filter's name alone stands for, or NULL. */
const char *cli_many_argument(enum verb verb, const char *word);

#endif
