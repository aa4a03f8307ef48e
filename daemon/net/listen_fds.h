/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets that the service manager has opened, see sd_listen_fds(3): each grants the role
 * in its name.  The main thread only. */
#ifndef JETON_DAEMON_NET_LISTEN_FDS_H
#define JETON_DAEMON_NET_LISTEN_FDS_H

#include "daemon/config/config.h"

enum { LISTEN_FDS_MAX = 32 };

struct listen_fds {
    unsigned count;
    struct {
        int fd;
        enum role role;
    } socket[LISTEN_FDS_MAX];
};

/* Take the sockets that LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES describe, and remove these
 * variables from the environment.  A name is a role, or ends with -ROLE.socket; several may be the
 * same.  False: *problem names a descriptor that is not a listening Unix socket of a role. */
bool listen_fds_take(struct listen_fds *i, struct problem *problem);

/* Return which roles have inherited sockets: bit 1 << role of each. */
unsigned listen_fds_roles(const struct listen_fds *i);

#endif
