/* SPDX-License-Identifier: Apache-2.0 */
/* A client's connection: requests in, responses out, in order.  Nothing is allocated for a request;
 * what a client sends and does not read is bounded; it may wait in each phase only so long.
 *
 *     IDLE ─▶ HEAD ─▶ (answered) ─▶ IDLE
 *               └──▶ WAITING for the daemon ─▶ IDLE
 *     WRITING: the client does not take its responses.  LINGER: the last response is sent, and what
 *     still comes is read and dropped, so that closing does not take the response from the client.
 *
 * The main thread. */
#ifndef JETON_PLUGIN_GATEWAY_CONNECTION_H
#define JETON_PLUGIN_GATEWAY_CONNECTION_H

#include "plugin/gateway/context.h"

/* Serve a new connection, which belongs to it from now on.  False: no memory, and it is the caller's
 * still. */
bool connection_new(struct context *context, int fd, enum side side, struct peer *peer);

/* Close those that have taken too long. */
void connection_check_deadlines(struct context *context);

/* Close the connection of a user that has been idle for the longest time; false: none is idle. */
bool connection_shed(struct context *context, struct peer *peer);

/* Answer what came, and close: connection by connection, as they become idle. */
void connection_drain_all(struct context *context);

/* Close all at once. */
void connection_close_all(struct context *context);

#endif
