/* SPDX-License-Identifier: Apache-2.0 */
/* Serve the page until nobody uses it any more, or a signal ends it. */
#ifndef JETON_PLUGIN_WEB_SERVER_H
#define JETON_PLUGIN_WEB_SERVER_H

#include "plugin/web/settings.h"

/* Print the link on standard output and serve.  Return the exit status. */
int server_run(struct settings *settings);

#endif
