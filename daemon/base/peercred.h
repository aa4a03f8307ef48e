/* SPDX-License-Identifier: Apache-2.0 */
/* Read the credentials of a Unix socket's peer, as the kernel saw them when it connected (unix(7):
 * SO_PEERCRED, SO_PEERGROUPS).  Any thread. */
#ifndef JETON_DAEMON_BASE_PEERCRED_H
#define JETON_DAEMON_BASE_PEERCRED_H

#include <stdbool.h>
#include <sys/types.h>

struct peercred {
    uid_t uid;
    gid_t gid;
    pid_t pid; /* for the journal only: pids are reused, so never decide by it */
};

#define PEERCRED_NO_LOGIN ((uid_t)-1)

/* Return who the peer's process logged in as (its loginuid, which su and sudo do not change);
 * PEERCRED_NO_LOGIN if it never did, has ended, or its /proc cannot be seen from here.  Only where
 * the kernel has SO_PEERPIDFD (Linux 6.5): a pid alone may be another process's by now. */
uid_t peercred_login(int fd, const struct peercred *peer);

/* Read uid, gid and pid.  0 or -errno. */
int peercred_read(int fd, struct peercred *peer);

/* True if the peer is in the group; false if it is not, or if its groups cannot be read. */
bool peercred_in_group(int fd, const struct peercred *peer, gid_t group);

/* Return the peer's supplementary groups, which the caller frees; NULL: none, or they cannot be
 * read. */
gid_t *peercred_groups(int fd, size_t *count);

#endif
