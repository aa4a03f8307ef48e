/* SPDX-License-Identifier: Apache-2.0 */
/* Replies on their way out: the bytes in `out`, and a descriptor that goes with the first of them.
 * The worker's thread. */
#ifndef JETON_DAEMON_NET_OUTPUT_H
#define JETON_DAEMON_NET_OUTPUT_H

#include <sys/types.h>

#include "daemon/session/session.h"

/* Sends as much as the socket takes now.  How many bytes that is; -errno: nobody is there to receive
 * them. */
ssize_t socket_io_send(struct session *s);

#endif
