/* SPDX-License-Identifier: Apache-2.0 */
/* Warn of a socket that clients will not trust (proto/socket_trust.h).  The main thread, at start. */
#ifndef JETON_DAEMON_NET_SOCKET_CHECK_H
#define JETON_DAEMON_NET_SOCKET_CHECK_H

/* Check the path of a listening socket as the clients do that may use it; log what is wrong. */
void socket_check(int fd, const char *path);

#endif
