/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs by which the fleet's agent brings what the fleet has, and takes changes for its database. */
#ifndef JETON_DAEMON_SESSION_CMD_FLEET_H
#define JETON_DAEMON_SESSION_CMD_FLEET_H

#include "daemon/session/command.h"

command cmd_fleet; /* fleet WORD */

#endif
