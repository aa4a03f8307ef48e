/* SPDX-License-Identifier: Apache-2.0 */
/* Connect to the daemon's socket, and check who serves there as libjeton and the command do. */
#ifndef JETON_PLUGIN_WEB_DAEMON_SOCKET_H
#define JETON_PLUGIN_WEB_DAEMON_SOCKET_H

#include <limits.h>
#include <stddef.h>

enum { DAEMON_SOCKET_FAULT = 512, DAEMON_SOCKET_ROLE = 16 };

struct daemon_socket {
    char path[PATH_MAX];           /* absolute */
    char role[DAEMON_SOCKET_ROLE]; /* what it grants, by `hello` */
};

/* Take a path, ask the daemon for the socket's role, and keep both.  Return 0, or -errno and a message
 * for people in `fault`.  Waits for the daemon, a few seconds at most. */
int daemon_socket_open(struct daemon_socket *s, const char *path, char *fault, size_t size);

/* Connect without waiting.  Return the descriptor, which is non-blocking; or -errno, and a message for
 * people in `fault`.  -EAGAIN: its queue is full, try again. */
int daemon_socket_connect(const struct daemon_socket *s, char *fault, size_t size);

#endif
