/* SPDX-License-Identifier: Apache-2.0 */
/* Which server of a Unix socket a client trusts.  No state, no system call of its own; any thread.
 *
 * The user who listens (SO_PEERCRED) must be root, the client, or the owner of the socket file, and
 * nobody else may have been able to put that file there:
 *   - every directory on the path, and the socket, is owned by root, the client or the server;
 *   - no directory can be written by group or others, unless it is sticky; then what lies in it
 *     must be root's or the client's;
 *   - nothing on the path is a symbolic link.
 * Check after connecting: whoever can change the path between the two is trusted. */
#ifndef JETON_PROTO_SOCKET_TRUST_H
#define JETON_PROTO_SOCKET_TRUST_H

#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

/* Why a server is not trusted. */
struct socket_trust_fault {
    size_t len;      /* bytes of the path, up to what is at fault */
    const char *why; /* such as "can be written by others" */
};

/* lstat(2), or what a test puts in its place. */
typedef int socket_trust_lstat(const char *path, struct stat *st);

/* Check an absolute path on which `server` listens, for a client `self`.  The path is cut short
 * meanwhile, and then as it was.  Return 0; or -errno, and the fault: -EPERM, -ELOOP, -ENOTDIR,
 * -ENOTSOCK, or lstat's. */
int socket_trust_check(char *path, uid_t server, uid_t self, socket_trust_lstat *lstat,
                       struct socket_trust_fault *fault);

/* Return what an error of socket_trust_check(), or of whatever calls it, means to people. */
const char *socket_trust_error_text(int error);

#endif
