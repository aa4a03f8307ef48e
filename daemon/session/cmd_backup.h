/* SPDX-License-Identifier: Apache-2.0 */
/* The verb backup: hand out a descriptor of a copy of the store.  The worker's thread. */
#ifndef JETON_DAEMON_SESSION_CMD_BACKUP_H
#define JETON_DAEMON_SESSION_CMD_BACKUP_H

#include "daemon/session/command.h"

/* Begin a scan; the descriptor goes with its reply's first byte: so `out` must be empty. */
command cmd_backup;

#endif
