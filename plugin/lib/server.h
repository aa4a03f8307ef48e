/* SPDX-License-Identifier: Apache-2.0 */
/* Connecting to the daemon's socket, and whether to trust who serves there (the rule is in
 * proto/socket_trust.h).  No state; any thread. */
#ifndef JETON_PLUGIN_LIB_SERVER_H
#define JETON_PLUGIN_LIB_SERVER_H

#include <stdint.h>

/* Connect by the deadline (of plugin/lib/deadline.h); 0: do not wait, now or later.  Return a
 * descriptor above those of the standard streams, close-on-exec; or -errno. */
int server_connect(const char *path, int64_t deadline);

/* Check who serves the other end of a descriptor that is connected to the path.  Return 0 or -errno;
 * -EPERM and -ELOOP mean that the path, or the server, is not to be trusted. */
int server_check(int fd, const char *path);

#endif
