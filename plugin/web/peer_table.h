/* SPDX-License-Identifier: Apache-2.0 */
/* Whose socket is one end of a TCP connection, by /proc/net/tcp and tcp6, where sock_diag(7) does not say.
 * These have a line for each connection on this host, and all of them are read. */
#ifndef JETON_PLUGIN_WEB_PEER_TABLE_H
#define JETON_PLUGIN_WEB_PEER_TABLE_H

#include <stdbool.h>
#include <sys/types.h>

#include "plugin/web/peer_end.h"

/* Open them, before the sandbox closes.  False: they are not there. */
bool peer_table_open(void);

/* Find the user whose process holds the peer's end. */
bool peer_table_find(const union peer_end *peer, const union peer_end *own, uid_t *uid);

#endif
