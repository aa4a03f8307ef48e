/* SPDX-License-Identifier: Apache-2.0 */
/* Who may have the table, and for what.  The worker's thread. */
#ifndef JETON_DAEMON_SESSION_CMD_TABLE_H
#define JETON_DAEMON_SESSION_CMD_TABLE_H

#include "daemon/session/session.h"

/* True for root, the daemon's own user, and members of the group that may have it. */
bool cmd_table_allowed(struct session *s);

/* Appends the reply to `table` for a service with this stack, with a descriptor to go with its first
 * byte.  Not STATUS_OK: *problem says why it cannot be had. */
enum status cmd_table_send(struct session *s, const struct stack *stack, struct problem *problem);

#endif
