/* SPDX-License-Identifier: Apache-2.0 */
/* Who is at the other end of a Unix socket, as the kernel saw it when they connected (unix(7):
 * SO_PEERCRED, SO_PEERGROUPS).  Thread-safe. */
#ifndef JETON_DAEMON_BASE_PEERCRED_H
#define JETON_DAEMON_BASE_PEERCRED_H

#include <stdbool.h>
#include <sys/types.h>

struct peercred {
    uid_t uid;
    gid_t gid;
    pid_t pid; /* for the journal; never decide by it */
};

/* 0 or -errno. */
int peercred_read(int fd, struct peercred *peer);

/* True if the group is among the peer's; false if it is not, or if that cannot be read. */
bool peercred_in_group(int fd, const struct peercred *peer, gid_t group);

/* The peer's supplementary groups, for free(); NULL: none, or they cannot be read. */
gid_t *peercred_groups(int fd, size_t *count);

#endif
