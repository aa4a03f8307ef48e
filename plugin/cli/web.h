/* SPDX-License-Identifier: Apache-2.0 */
/* Show the page in a browser: choose the socket, and become jeton-web(1), which serves it. */
#ifndef JETON_PLUGIN_CLI_WEB_H
#define JETON_PLUGIN_CLI_WEB_H

#include "plugin/cli/request.h"

/* Returns only if it fails, after a message. */
enum cli_exit cli_web(struct cli_request *c, const struct cli_view *view);

#endif
