/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs that change tokens, which the writer's thread carries out: create, update, disable,
 * enable, revoke, rotate, delete, import. */
#ifndef JETON_DAEMON_SESSION_CMD_CHANGE_H
#define JETON_DAEMON_SESSION_CMD_CHANGE_H

#include "daemon/session/command.h"

/* Take a slot of the session's class, and leave the change to session_post_changes(). */
command cmd_change;

#endif
