/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/gateway/listen_fds.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FIRST = 3 }; /* SD_LISTEN_FDS_START */

static bool side_named(struct slice name, enum side *side)
{
    *side = slice_is(name, "admin") || slice_is(name, "jeton-gateway-admin.socket") ? SIDE_ADMIN :
                                                                                      SIDE_HTTP;
    return *side == SIDE_ADMIN || slice_is(name, "http") || slice_is(name, "jeton-gateway.socket");
}

static bool option_is(int fd, int option, int wanted)
{
    int value = -1;
    socklen_t len = sizeof(value);

    return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 && value == wanted;
}

static const char *take_one(struct listen_fds *l, int fd, struct slice name)
{
    int flags = fcntl(fd, F_GETFL);
    enum side side;

    if (!side_named(name, &side))
        return "a descriptor in LISTEN_FDS has a name other than http and admin: set "
               "FileDescriptorName= in the socket unit";
    if (!option_is(fd, SO_TYPE, SOCK_STREAM) || !option_is(fd, SO_ACCEPTCONN, 1))
        return "a descriptor in LISTEN_FDS is not a listening stream socket: set ListenStream= and "
               "Accept=no in the socket unit";
    if (side == SIDE_ADMIN && !option_is(fd, SO_DOMAIN, AF_UNIX))
        return "the admin side is for a Unix socket only";
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return "a descriptor in LISTEN_FDS cannot be used";
    l->socket[l->count].fd = fd;
    l->socket[l->count++].side = side;
    return NULL;
}

static const char *take_all(struct listen_fds *l, const char *pid, const char *fds,
                            const char *names)
{
    const char *at = names != NULL ? names : "", *fault = NULL;
    uint64_t number, count;

    if (pid == NULL || fds == NULL || !number_parse(slice_of(pid), INT32_MAX, &number) ||
        (pid_t)number != getpid())
        return NULL;
    if (!number_parse(slice_of(fds), LISTEN_FDS_MAX, &count))
        return "LISTEN_FDS should be a number of at most 16";
    for (uint64_t n = 0; n < count && fault == NULL; n++) {
        struct slice name = { at, strcspn(at, ":") };
        fault = take_one(l, FIRST + (int)n, name);
        at += name.len + (at[name.len] == ':');
    }
    return fault;
}

const char *listen_fds_take(struct listen_fds *l)
{
    l->count = 0;
    const char *fault = take_all(l, getenv("LISTEN_PID"), getenv("LISTEN_FDS"),
                                 getenv("LISTEN_FDNAMES"));
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_PIDFDID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return fault;
}
