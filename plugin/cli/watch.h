/* SPDX-License-Identifier: Apache-2.0 */
/* `jeton watch`: show changes as they happen, through restarts of the daemon. */
#ifndef JETON_PLUGIN_CLI_WATCH_H
#define JETON_PLUGIN_CLI_WATCH_H

#include "plugin/cli/request.h"

/* Show each entry once, as it comes, until a signal ends this, nobody reads standard output any
 * more, or the journal no longer has the entry to continue with.  While the daemon does not answer,
 * report that and try again. */
enum cli_exit cli_watch(struct cli_request *c, const struct cli_view *view);

#endif
