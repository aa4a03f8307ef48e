/* SPDX-License-Identifier: Apache-2.0 */
/* Take rights away from the process, for good.  The only thread. */
#ifndef JETON_PLUGIN_FLEET_SANDBOX_H
#define JETON_PLUGIN_FLEET_SANDBOX_H

#include "plugin/fleet/config.h"

/* Limit memory; if the configuration says so, files and system calls as well. */
void sandbox_enter(const struct config *c);

#endif
