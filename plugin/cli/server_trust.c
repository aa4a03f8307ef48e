/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/server_trust.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/socket_trust.h"

/* Make a path absolute; false: it is too long, or the current directory is gone. */
static bool make_absolute(const char *path, char *absolute, size_t size)
{
    size_t len = 0;

    if (path[0] != '/') {
        if (getcwd(absolute, size) == NULL)
            return false;
        len = strlen(absolute);
        absolute[len++] = '/';
    }
    errno = ENAMETOOLONG;
    return (size_t)snprintf(absolute + len, size - len, "%s", path) < size - len;
}

int cli_server_trust_check(int fd, const char *path, char text[CLI_SERVER_TRUST_TEXT])
{
    struct socket_trust_fault fault;
    char absolute[PATH_MAX + 256];
    struct ucred server;
    socklen_t size = sizeof(server);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &server, &size) < 0 ||
        !make_absolute(path, absolute, sizeof(absolute))) {
        int error = errno;
        snprintf(text, CLI_SERVER_TRUST_TEXT, "who serves it cannot be found out: %s",
                 strerror(error));
        return -error;
    }
    int error = socket_trust_check(absolute, server.uid, geteuid(), lstat, &fault);
    if (error != 0)
        snprintf(text, CLI_SERVER_TRUST_TEXT, "%.*s %s (server: uid %u)", (int)fault.len, absolute,
                 fault.why, (unsigned)server.uid);
    return error;
}
