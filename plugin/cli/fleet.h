/* SPDX-License-Identifier: Apache-2.0 */
/* Administer the fleet's database: become jeton-fleet(8). */
#ifndef JETON_PLUGIN_CLI_FLEET_H
#define JETON_PLUGIN_CLI_FLEET_H

#include "plugin/cli/request.h"

/* Pass on all words behind `jeton fleet`, the last of which is NULL, as its options are its own.  Returns only if it
 * fails, after a message. */
enum cli_exit cli_fleet_become(char **words);

/* For the row of the verb: an option was given before it. */
enum cli_exit cli_fleet(struct cli_request *c, const struct cli_view *view);

#endif
