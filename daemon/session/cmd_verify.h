/* SPDX-License-Identifier: Apache-2.0 */
/* The verb verify. */
#ifndef JETON_DAEMON_SESSION_CMD_VERIFY_H
#define JETON_DAEMON_SESSION_CMD_VERIFY_H

#include "daemon/session/command.h"

/* Add the question to the worker's batch if the table alone answers it and nothing else waits. */
command cmd_verify;

#endif
