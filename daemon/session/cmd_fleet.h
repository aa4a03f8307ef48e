/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs by which the fleet's agent brings what the fleet has, and takes what goes up. */
#ifndef JETON_DAEMON_SESSION_CMD_FLEET_H
#define JETON_DAEMON_SESSION_CMD_FLEET_H

#include "daemon/session/command.h"

command cmd_fleet;        /* fleet WORD */
command cmd_fleet_change; /* put, deny, drop: within a batch */

/* Refuse a line that could not be read, and with it the batch that the session brings, if it does: it may have been one
 * of its changes. */
void cmd_fleet_refuse_line(struct session *s, const struct problem *problem);

#endif
