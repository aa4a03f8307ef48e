/* SPDX-License-Identifier: Apache-2.0 */
/* Whose process is at the other end of a connection?  Every local user can reach a port on loopback, and
 * may have seen the link; the kernel knows who made a connection (SO_PEERCRED; sock_diag(7);
 * /proc/net/tcp and tcp6). */
#ifndef JETON_PLUGIN_WEB_PEER_H
#define JETON_PLUGIN_WEB_PEER_H

#include <stdbool.h>
#include <sys/types.h>

/* How the kernel shows it. */
enum peer_sight {
    PEER_EXACT, /* asked for one connection: always the same work */
    PEER_TABLE, /* a table of all connections of this host is read */
    PEER_HIDDEN,
};

/* Open what is asked later, before the sandbox closes; find out who may connect: our own user, root, and
 * who became our user by sudo or logged in as another (SUDO_UID, loginuid). */
enum peer_sight peer_open(int listener);

/* True if the peer of a connection is one of them.  *uid: who it is, or (uid_t)-1 if that cannot be
 * found out. */
bool peer_is_allowed(int fd, uid_t *uid);

/* Is it worth to ask that of every connection? */
bool peer_is_cheap(void);

#endif
