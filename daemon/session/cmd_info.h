/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs that are answered at once: id, hello, help, ping, quit, used, refused. */
#ifndef JETON_DAEMON_SESSION_CMD_INFO_H
#define JETON_DAEMON_SESSION_CMD_INFO_H

#include "daemon/session/command.h"

command cmd_id, cmd_hello, cmd_help, cmd_ping, cmd_quit, cmd_used, cmd_refused;

#endif
