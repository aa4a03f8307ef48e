/* SPDX-License-Identifier: Apache-2.0 */
/* Tell clients that the daemon cannot start.  The main thread only. */
#ifndef JETON_DAEMON_NET_REFUSAL_H
#define JETON_DAEMON_NET_REFUSAL_H

#include "daemon/net/listen_fds.h"

/* Answer the first request of each client of the inherited sockets with ERR unavailable, for a
 * second: a service manager that starts the daemon at each connection is so kept from starting it
 * again at once, for the same client.  Administrators get the reason; others, where to look. */
void refusal_serve(const struct listen_fds *inherited, const char *why);

#endif
