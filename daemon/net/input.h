/* SPDX-License-Identifier: Apache-2.0 */
/* Requests on their way in.  The worker's thread. */
#ifndef JETON_DAEMON_NET_INPUT_H
#define JETON_DAEMON_NET_INPUT_H

#include <sys/types.h>

#include "daemon/session/session.h"

/* Reads once what there is, as far as `in` has room.  How many bytes that is; 0: no more will come;
 * -EAGAIN: nothing, or no room; another -errno: the connection is broken, or there is no memory. */
ssize_t socket_io_receive(struct session *s);

#endif
