/* SPDX-License-Identifier: Apache-2.0 */
/* Send what the fleet's agent asks for to the writer's thread. */
#ifndef JETON_DAEMON_SESSION_CMD_FLEET_ASK_H
#define JETON_DAEMON_SESSION_CMD_FLEET_ASK_H

#include "daemon/session/session.h"
#include "daemon/writer/fleet_request.h"

/* Send a request, which the writer's thread then owns with its delivery; NULL: there was no memory, which is answered. */
void cmd_fleet_ask(struct session *s, struct fleet_request *request);

#endif
