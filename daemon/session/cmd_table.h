/* SPDX-License-Identifier: Apache-2.0 */
/* The verb table: hand out a descriptor of the shared table.  The worker's thread. */
#ifndef JETON_DAEMON_SESSION_CMD_TABLE_H
#define JETON_DAEMON_SESSION_CMD_TABLE_H

#include "daemon/session/command.h"

/* Reply with a descriptor, which goes with the reply's first byte: so `out` must be empty. */
command cmd_table;

/* True if the client has not taken in all that was sent since a table was passed to it: then its
 * descriptor may still be under way (unix(7): SIOCOUTQ). */
bool cmd_table_is_under_way(const struct session *s);

/* True for root, the daemon's own user, and members of the group that may have the table. */
bool cmd_table_allowed(struct session *s);

#endif
