/* SPDX-License-Identifier: Apache-2.0 */
/* The verb trace: a change that leaves an entry of who traced what, and then a scan.  The worker's
 * thread. */
#ifndef JETON_DAEMON_SESSION_CMD_TRACE_H
#define JETON_DAEMON_SESSION_CMD_TRACE_H

#include "daemon/session/command.h"

command cmd_trace;

#endif
