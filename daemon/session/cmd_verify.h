/* SPDX-License-Identifier: Apache-2.0 */
/* The verb verify. */
#ifndef JETON_DAEMON_SESSION_CMD_VERIFY_H
#define JETON_DAEMON_SESSION_CMD_VERIFY_H

#include "daemon/session/command.h"

/* Adds it to the worker's batch if the table alone answers and nothing waits before it. */
command cmd_verify;

#endif
