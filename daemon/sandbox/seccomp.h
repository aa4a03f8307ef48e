/* SPDX-License-Identifier: Apache-2.0 */
/* Restrict by seccomp which system calls a running daemon may make.
 *
 * A call that is not on the list ends the process, because no part of the daemon makes it.  Some
 * calls fail with an error instead: those that libraries try and can do without (clone3, other
 * ioctls), and those that a setting would allow: sockets of families other than AF_UNIX, and
 * connecting to sockets of others on this host. */
#ifndef JETON_DAEMON_SANDBOX_SECCOMP_H
#define JETON_DAEMON_SANDBOX_SECCOMP_H

#include <stdbool.h>

enum seccomp_connections {
    SECCOMP_NO_CONNECTIONS,
    SECCOMP_LOCAL_CONNECTIONS, /* by Unix sockets */
    SECCOMP_NETWORK,           /* to other hosts, too */
};

/* Restrict all threads, and those started later, for good.  0 or -errno; -ENOSYS: the kernel has no
 * filters, or this is a sanitizer's build. */
int seccomp_confine(enum seccomp_connections connections);

#endif
