/* SPDX-License-Identifier: Apache-2.0 */
/* What a batch of the fleet has: put, deny and drop.  One that cannot be read spoils its batch.  They are not answered
 * one by one if `fleet begin confirm=end` said so, whatever became of that; then the next part of a snapshot is read
 * while the writer's thread has the last one. */
#ifndef JETON_DAEMON_SESSION_CMD_FLEET_CHANGE_H
#define JETON_DAEMON_SESSION_CMD_FLEET_CHANGE_H

#include "daemon/session/command.h"

command cmd_fleet_change;

/* Note that a line of this verb was refused: the batch that is begun, if one is, will be refused, too.  True: the
 * line is not to be answered. */
bool cmd_fleet_spoil(struct session *s, enum verb verb, const struct problem *p);

/* True if a line of this verb need not wait for the scan that is under way. */
bool cmd_fleet_goes_on(const struct session *s, enum verb verb);

#endif
