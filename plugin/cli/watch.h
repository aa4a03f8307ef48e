/* SPDX-License-Identifier: Apache-2.0 */
/* `jeton watch`: shows changes as they happen, through restarts of the daemon. */
#ifndef JETON_PLUGIN_CLI_WATCH_H
#define JETON_PLUGIN_CLI_WATCH_H

#include "plugin/cli/request.h"

/* Shows entries as they come, each once and none left out, until it is ended by a signal, nobody
 * reads standard output any more, or the journal does not reach back to where it should go on.
 * While the daemon is away it says so and tries again. */
enum cli_exit cli_watch(struct cli_request *c, const struct cli_view *view);

#endif
