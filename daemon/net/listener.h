/* SPDX-License-Identifier: Apache-2.0 */
/* The listening sockets: makes them, accepts, finds out who it is, and hands the connection to a
 * worker.  The main thread only. */
#ifndef JETON_DAEMON_NET_LISTENER_H
#define JETON_DAEMON_NET_LISTENER_H

#include "daemon/net/listen_fds.h"
#include "daemon/session/context.h"
#include "daemon/config/resolve.h"

struct listener;

/* Takes the sockets that were inherited, makes every socket that the configuration names, and
 * listens.  NULL: *problem says which one could not be made and why; nothing of ours is then left
 * behind.  From here on clients can connect, and wait. */
struct listener *listener_open(const struct config *c, const struct resolved *site,
                               const struct listen_fds *inherited, struct problem *problem);

/* Begins to take connections in.  False: no memory. */
bool listener_start(struct listener *l, struct server *server, struct event_base *base);

/* Stops listening and removes the sockets that we made and that are still ours. */
void listener_close(struct listener *l);

/* Once a second: tries again what failed for want of descriptors. */
void listener_tick(struct listener *l);

#endif
