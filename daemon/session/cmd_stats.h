/* SPDX-License-Identifier: Apache-2.0 */
/* The verb stats: what the daemon counts and measures. */
#ifndef JETON_DAEMON_SESSION_CMD_STATS_H
#define JETON_DAEMON_SESSION_CMD_STATS_H

#include "daemon/session/command.h"

command cmd_stats;

#endif
