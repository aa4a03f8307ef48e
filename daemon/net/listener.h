/* SPDX-License-Identifier: Apache-2.0 */
/* The listening sockets: create them, accept, read the peer's credentials, and pass each connection
 * to a worker.  The main thread only. */
#ifndef JETON_DAEMON_NET_LISTENER_H
#define JETON_DAEMON_NET_LISTENER_H

#include "daemon/config/resolve.h"
#include "daemon/net/listen_fds.h"
#include "daemon/session/context.h"

struct listener;

/* Take the sockets that were inherited, create those that the configuration names, and listen: from
 * here on clients can connect, and wait.  NULL: *problem names the socket that could not be
 * created, and why; none that was created is then left. */
struct listener *listener_open(const struct config *c, const struct resolved *resolved,
                               const struct listen_fds *inherited, struct problem *problem);

/* Begin to accept connections.  False: no memory. */
bool listener_start(struct listener *l, struct server *server, struct event_base *base);

/* Stop listening, and remove the sockets that were created here, unless others replaced them. */
void listener_close(struct listener *l);

/* Accept again where that failed for want of descriptors.  Call once a second. */
void listener_tick(struct listener *l);

#endif
