/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/web/address.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/text.h"

enum { BACKLOG = 256 };

bool address_is_local(const struct address *a)
{
    return a->any.sa_family == AF_UNIX;
}

const char *address_host(const struct address *a)
{
    return a->any.sa_family == AF_INET6 ? "[::1]" : "127.0.0.1";
}

unsigned address_port(const struct address *a)
{
    return ntohs(a->any.sa_family == AF_INET6 ? a->six.sin6_port : a->four.sin_port);
}

/* A path is made absolute: the process removes the socket at its end. */
static const char *parse_path(const char *text, struct address *a)
{
    char *path = a->local.sun_path;
    size_t len = 0;

    a->local.sun_family = AF_UNIX;
    a->len = sizeof(a->local);
    if (text[0] != '/') {
        if (getcwd(path, sizeof(a->local.sun_path) - 1) == NULL)
            return "the current directory cannot be found out, or is too long for a socket";
        len = strlen(path);
        path[len++] = '/';
    }
    size_t rest = (size_t)snprintf(path + len, sizeof(a->local.sun_path) - len, "%s", text);
    return rest < sizeof(a->local.sun_path) - len ? NULL : "the path is too long for a socket";
}

const char *address_parse(const char *text, struct address *a)
{
    static const char four[] = "127.0.0.1:", six[] = "[::1]:";
    const bool is_four = strncmp(text, four, sizeof(four) - 1) == 0;
    const bool is_six = strncmp(text, six, sizeof(six) - 1) == 0;
    uint64_t port;

    memset(a, 0, sizeof(*a));
    if (strchr(text, '/') != NULL)
        return parse_path(text, a);
    if (!is_four && !is_six)
        return "an address on loopback is needed, 127.0.0.1:PORT or [::1]:PORT, or the path of a "
               "Unix socket; over a network, use ssh -L, or a proxy that has TLS";
    const struct slice digits = slice_of(text + (is_four ? sizeof(four) : sizeof(six)) - 1);
    if (!number_parse(digits, 65535, &port))
        return "the port is no number up to 65535; 0: any that is free";
    if (is_four)
        a->four = (struct sockaddr_in){ .sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)port),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    else
        a->six = (struct sockaddr_in6){ .sin6_family = AF_INET6,
                                        .sin6_port = htons((uint16_t)port),
                                        .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    a->len = is_four ? sizeof(a->four) : sizeof(a->six);
    return NULL;
}

/* -- listening ------------------------------------------------------------------------------- */

/* Remove a socket on which nobody listens any more.  Return 0 or -errno. */
static int clear_path(const struct address *a)
{
    struct stat st;
    int error = -EADDRINUSE;

    if (lstat(a->local.sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
        return error;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, &a->any, a->len) < 0 && errno == ECONNREFUSED)
        error = unlink(a->local.sun_path) < 0 ? -errno : 0;
    close(fd);
    return error;
}

static int bind_path(int fd, struct address *a)
{
    struct stat st;
    const mode_t before = umask(0177);

    int error = bind(fd, &a->any, a->len) < 0 ? -errno : 0;
    if (error == -EADDRINUSE && (error = clear_path(a)) == 0)
        error = bind(fd, &a->any, a->len) < 0 ? -errno : 0;
    umask(before);
    if (error == 0 && lstat(a->local.sun_path, &st) == 0) {
        a->device = st.st_dev;
        a->inode = st.st_ino;
    }
    return error;
}

static int bind_port(int fd, struct address *a)
{
    const int yes = 1;
    socklen_t len = a->len;

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    return bind(fd, &a->any, a->len) < 0 || getsockname(fd, &a->any, &len) < 0 ? -errno : 0;
}

int address_listen(struct address *a)
{
    int fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -errno;
    int error = address_is_local(a) ? bind_path(fd, a) : bind_port(fd, a);
    if (error == 0 && listen(fd, BACKLOG) < 0)
        error = -errno;
    if (error == 0)
        return fd;
    close(fd);
    address_remove(a);
    return error;
}

void address_remove(const struct address *a)
{
    struct stat st;

    if (address_is_local(a) && a->inode != 0 && lstat(a->local.sun_path, &st) == 0 &&
        st.st_dev == a->device && st.st_ino == a->inode)
        unlink(a->local.sun_path);
}
