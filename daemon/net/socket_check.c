/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/socket_check.h"

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "daemon/base/log.h"
#include "daemon/base/peercred.h"
#include "proto/socket_trust.h"

/* Take the view of a client that is neither root nor a user named here; or of the socket's owner, if
 * nobody else can connect. */
static uid_t client_of(const struct stat *socket)
{
    return socket->st_mode & (S_IWGRP | S_IWOTH) ? (uid_t)-1 : socket->st_uid;
}

/* The credentials of a listening socket are those which its clients see as their peer's. */
void socket_check(int fd, const char *path)
{
    struct socket_trust_fault fault;
    char copy[PATH_MAX];
    struct peercred listening;
    struct stat st;

    if (path[0] != '/' || lstat(path, &st) < 0 || peercred_read(fd, &listening) < 0)
        return;
    snprintf(copy, sizeof(copy), "%s", path);
    if (socket_trust_check(copy, listening.uid, client_of(&st), lstat, &fault) != 0)
        log_warning(
            "listener: libjeton, PAM and the jeton command will refuse %s: %.*s %s (served by "
            "uid %u); see jetond(8), \"Where sockets can be\"",
            path, (int)fault.len, path, fault.why, (unsigned)listening.uid);
}
