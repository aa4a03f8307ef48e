/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/base/peercred.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/text.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

int peercred_read(int fd, struct peercred *peer)
{
    struct ucred cred;
    socklen_t len = sizeof(cred);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
        return -errno;
    if (len != sizeof(cred))
        return -EPROTO;
    *peer = (struct peercred){ .uid = cred.uid, .gid = cred.gid, .pid = cred.pid };
    return 0;
}

bool peercred_in_group(int fd, const struct peercred *peer, gid_t group)
{
    bool found = peer->gid == group;
    size_t count;

    if (found)
        return true;
    gid_t *groups = peercred_groups(fd, &count);
    for (size_t i = 0; i < count && !found; i++)
        found = groups[i] == group;
    free(groups);
    return found;
}

gid_t *peercred_groups(int fd, size_t *count)
{
    socklen_t size = 32 * sizeof(gid_t);
    gid_t *groups = malloc(size);

    *count = 0;
    while (groups != NULL && getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0) {
        gid_t *more = errno == ERANGE ? realloc(groups, size) : NULL; /* the kernel set `size` */
        if (more == NULL)
            free(groups);
        groups = more;
    }
    if (groups != NULL)
        *count = size / sizeof(gid_t);
    return groups;
}

static uid_t read_login(pid_t pid)
{
    char path[48], digits[16];
    uint64_t login;

    snprintf(path, sizeof(path), "/proc/%d/loginuid", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return PEERCRED_NO_LOGIN;
    ssize_t len = read(fd, digits, sizeof(digits));
    close(fd);
    if (len <= 0 || !number_parse((struct slice){ digits, (size_t)len }, UINT32_MAX, &login))
        return PEERCRED_NO_LOGIN;
    return (uid_t)login;
}

/* What was read was the peer's if the process of its pidfd has not ended by then. */
uid_t peercred_login(int fd, const struct peercred *peer)
{
    uid_t login = PEERCRED_NO_LOGIN;
    int pidfd = -1;
    socklen_t len = sizeof(pidfd);

    if (peer->pid <= 0 || getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) < 0 || pidfd < 0)
        return login;
    struct pollfd ended = { .fd = pidfd, .events = POLLIN };
    login = read_login(peer->pid);
    if (poll(&ended, 1, 0) != 0)
        login = PEERCRED_NO_LOGIN;
    close(pidfd);
    return login;
}
