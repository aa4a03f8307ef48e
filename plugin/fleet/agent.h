/* SPDX-License-Identifier: Apache-2.0 */
/* The agent: follows the database for jetond, and brings up what is changed here. */
#ifndef JETON_PLUGIN_FLEET_AGENT_H
#define JETON_PLUGIN_FLEET_AGENT_H

#include "plugin/fleet/config.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_WRONG_CONFIG = 2, EXIT_UNAVAILABLE = 4 };

/* Run until a signal ends it.  Return the exit status. */
int agent_run(const struct config *config);

#endif
