/* SPDX-License-Identifier: Apache-2.0 */
/* The listening sockets: makes them, accepts, finds out who it is, and hands the connection to a
 * lane.  Level 14.  The main thread only. */
#ifndef JETON_LISTENER_H
#define JETON_LISTENER_H

#include "daemon/lane.h"
#include "daemon/site.h"

struct listener;

/* Makes every socket that the configuration names and listens on it.  NULL: *problem says which
 * one could not be made and why; nothing of ours is then left behind. */
struct listener *listener_open(const struct config *c, const struct site *site,
                               struct server *server, struct event_base *base,
                               struct problem *problem);

/* Stops listening and removes the sockets that are still ours. */
void listener_close(struct listener *l);

/* Once a second: tries again what failed for want of descriptors. */
void listener_tick(struct listener *l);

#endif
