/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway's life: start, event loop, end. */
#ifndef JETON_PLUGIN_GATEWAY_GATEWAY_H
#define JETON_PLUGIN_GATEWAY_GATEWAY_H

#include "plugin/gateway/listen_fds.h"

/* Exit statuses, as jetond's. */
enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_WRONG_CONFIG = 2 };

/* Run until SIGTERM or SIGINT.  Return the exit status. */
int gateway_run(const struct config_source *source, const struct listen_fds *inherited);

/* Check the configuration, and print what is wrong.  Return the exit status. */
int gateway_check(const struct config_source *source);

#endif
