/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/lib/server.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "plugin/lib/deadline.h"
#include "proto/socket_trust.h"

/* Move a descriptor above 0, 1 and 2: a host that has closed those may still write to them. */
static int move_above_standard(int fd)
{
    if (fd < 0 || fd > STDERR_FILENO)
        return fd;
    int above = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    close(fd);
    return above;
}

int server_connect(const char *path, int64_t deadline)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int type = SOCK_STREAM | SOCK_CLOEXEC | (deadline == 0 ? SOCK_NONBLOCK : 0);
    int error, fd = move_above_standard(socket(AF_UNIX, type, 0));

    if (fd < 0)
        return -errno;
    memcpy(address.sun_path, path, strlen(path) + 1);
    do {
        /* The send timeout also bounds the wait for space in the listener's queue. */
        int64_t left = deadline != 0 ? deadline - deadline_now() : 1;
        struct timeval timeout = { left / 1000, left % 1000 * 1000 };
        if (left <= 0)
            error = ETIMEDOUT;
        else if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0 ||
                 connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
            error = errno;
        else
            return fd;
    } while (error == EINTR);
    close(fd);
    return -error;
}

int server_check(int fd, const char *path)
{
    char copy[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    struct socket_trust_fault fault;
    struct ucred server;
    socklen_t size = sizeof(server);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &server, &size) < 0)
        return -errno;
    memcpy(copy, path, strlen(path) + 1);
    return socket_trust_check(copy, server.uid, geteuid(), lstat, &fault);
}
