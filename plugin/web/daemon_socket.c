/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/web/daemon_socket.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "proto/limits.h"
#include "proto/reply.h"
#include "proto/socket_trust.h"

enum { HELLO_MS = 10000, CONNECT_TRIES = 50, CONNECT_WAIT_MS = 100 };

static const char *advice(int error)
{
    switch (error) {
    case -ENOENT:
        return "; the socket does not exist: is jetond running?";
    case -ECONNREFUSED:
        return "; no process listens there: is jetond running?";
    case -EAGAIN:
        return "; the daemon is busy";
    default:
        return "";
    }
}

static int blame(const struct daemon_socket *s, int error, char *fault, size_t size)
{
    snprintf(fault, size, "cannot connect to %s: %s%s", s->path, strerror(-error), advice(error));
    return error;
}

static int check_trust(const struct daemon_socket *s, int fd, char *fault, size_t size)
{
    struct socket_trust_fault trust;
    struct ucred server;
    socklen_t len = sizeof(server);
    char path[PATH_MAX];

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &server, &len) < 0)
        return blame(s, -errno, fault, size);
    snprintf(path, sizeof(path), "%s", s->path);
    int error = socket_trust_check(path, server.uid, geteuid(), lstat, &trust);
    if (error != 0)
        snprintf(fault, size, "will not use %s: %.*s %s (server: uid %u)", s->path, (int)trust.len,
                 s->path, trust.why, (unsigned)server.uid);
    return error;
}

int daemon_socket_connect(const struct daemon_socket *s, char *fault, size_t size)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return blame(s, -errno, fault, size);
    memcpy(address.sun_path, s->path, strlen(s->path) + 1);
    int error = connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ?
                    blame(s, -errno, fault, size) :
                    check_trust(s, fd, fault, size);
    if (error == 0)
        return fd;
    close(fd);
    return error;
}

/* -- the start ------------------------------------------------------------------------------- */

static int connect_patiently(const struct daemon_socket *s, char *fault, size_t size)
{
    int fd = daemon_socket_connect(s, fault, size);

    for (int i = 0; fd == -EAGAIN && i < CONNECT_TRIES; i++) {
        poll(NULL, 0, CONNECT_WAIT_MS);
        fd = daemon_socket_connect(s, fault, size);
    }
    return fd;
}

/* Read one line; return its length without the line end, or -errno. */
static ssize_t read_line(int fd, char *line, size_t size)
{
    struct pollfd readable = { .fd = fd, .events = POLLIN };
    size_t len = 0;
    char *end;

    while ((end = memchr(line, '\n', len)) == NULL) {
        int ready = poll(&readable, 1, HELLO_MS);
        ssize_t got = ready == 1 ? recv(fd, line + len, size - len, 0) : -1;
        if (ready == 0 || got == 0 || len == size)
            return ready == 0 ? -ETIMEDOUT : got == 0 ? -ECONNRESET : -EPROTO;
        if (got < 0 && errno != EINTR && errno != EAGAIN)
            return -errno;
        len += got > 0 ? (size_t)got : 0;
    }
    return end - line;
}

/* Ask for the role; return 0 or -errno. */
static int ask_role(struct daemon_socket *s, int fd)
{
    static const char request[] = "hello\n";
    char line[LINE_MAX_BYTES];
    struct reply reply;

    if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) != (ssize_t)(sizeof(request) - 1))
        return -errno;
    ssize_t len = read_line(fd, line, sizeof(line));
    if (len < 0)
        return (int)len;
    if (!reply_parse(line, (size_t)len, &reply) || !reply.final || reply.kind != ANSWER_OK)
        return -EPROTO;
    const struct slice role = line_get(&reply.line, "role");
    if (role.len == 0 || role.len >= sizeof(s->role))
        return -EPROTO;
    snprintf(s->role, sizeof(s->role), "%.*s", (int)role.len, role.at);
    return 0;
}

int daemon_socket_open(struct daemon_socket *s, const char *path, char *fault, size_t size)
{
    size_t len = 0;

    if (path[0] != '/') {
        if (getcwd(s->path, sizeof(s->path) - 1) == NULL)
            return blame(s, -errno, fault, size);
        len = strlen(s->path);
        s->path[len++] = '/';
    }
    size_t rest = (size_t)snprintf(s->path + len, sizeof(s->path) - len, "%s", path);
    if (len + rest >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
        return blame(s, -ENAMETOOLONG, fault, size);
    int fd = connect_patiently(s, fault, size);
    if (fd < 0)
        return fd;
    int error = ask_role(s, fd);
    close(fd);
    if (error != 0)
        snprintf(fault, size, "%s: %s", s->path,
                 error == -EPROTO ? "the server is not jetond" : strerror(-error));
    return error;
}
