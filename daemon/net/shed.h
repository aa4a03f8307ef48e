/* SPDX-License-Identifier: Apache-2.0 */
/* Close connections of the uid that has most of them, to make way for others. */
#ifndef JETON_DAEMON_NET_SHED_H
#define JETON_DAEMON_NET_SHED_H

#include "daemon/session/context.h"

/* Have the workers close so many of the uid's connections, each its share of them; the main
 * thread. */
void shed_connections(struct server *server, const struct client_excess *excess);

#endif
