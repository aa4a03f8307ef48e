/* SPDX-License-Identifier: Apache-2.0 */
/* Move bytes between a session's buffers and its socket, without waiting.  The worker's thread. */
#ifndef JETON_DAEMON_NET_SOCKET_IO_H
#define JETON_DAEMON_NET_SOCKET_IO_H

#include <sys/types.h>

#include "daemon/session/session.h"

/* Read once what there is, as far as `in` has space.  Return how many bytes; 0: no more will come;
 * -EAGAIN: there is nothing, or no space; another -errno: the connection is broken, or there is no
 * memory. */
ssize_t socket_io_receive(struct session *s);

/* Send as much of `out` as the socket takes now; a descriptor to be passed goes with the first
 * byte.  Return how many bytes; -errno: nobody receives them any more. */
ssize_t socket_io_send(struct session *s);

#endif
