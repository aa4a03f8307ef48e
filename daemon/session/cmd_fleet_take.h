/* SPDX-License-Identifier: Apache-2.0 */
/* Words of `fleet` about changes for the database: the agent takes them, and says what became of each. */
#ifndef JETON_DAEMON_SESSION_CMD_FLEET_TAKE_H
#define JETON_DAEMON_SESSION_CMD_FLEET_TAKE_H

#include "daemon/session/command.h"

command cmd_fleet_take, cmd_fleet_done, cmd_fleet_failed;

#endif
