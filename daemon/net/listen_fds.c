/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/listen_fds.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/text.h"

enum { FIRST = 3 }; /* sd_listen_fds(3): SD_LISTEN_FDS_START */

static bool is_for_us(const char *pid);
static bool count_from(const char *text, uint64_t *count, struct problem *problem);
static bool take_one(struct listen_fds *i, int fd, struct slice name, struct problem *problem);

static bool take_all(struct listen_fds *i, const char *names, uint64_t count,
                     struct problem *problem)
{
    const char *at = names != NULL ? names : "";

    for (uint64_t n = 0; n < count; n++) {
        struct slice name = { at, strcspn(at, ":") };
        if (!take_one(i, FIRST + (int)n, name, problem))
            return false;
        at += name.len + (at[name.len] == ':');
    }
    return true;
}

bool listen_fds_take(struct listen_fds *i, struct problem *problem)
{
    const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
    uint64_t count = 0;

    i->count = 0;
    bool ok = !is_for_us(pid) || fds == NULL ||
              (count_from(fds, &count, problem) &&
               take_all(i, getenv("LISTEN_FDNAMES"), count, problem));
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_PIDFDID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return ok;
}

static bool is_for_us(const char *pid)
{
    uint64_t number;

    return pid != NULL && number_parse(slice_of(pid), INT32_MAX, &number) &&
           (pid_t)number == getpid();
}

static bool count_from(const char *text, uint64_t *count, struct problem *problem)
{
    if (number_parse(slice_of(text), LISTEN_FDS_MAX, count))
        return true;
    problem_set(problem, STATUS_BAD_VALUE,
                "LISTEN_FDS=%.40s: this should be a number of at most %d", text, LISTEN_FDS_MAX);
    return false;
}

/* -- one socket ------------------------------------------------------------------------------ */

static bool role_named(struct slice name, enum role *role)
{
    static const char suffix[] = ".socket";
    size_t len = sizeof(suffix) - 1;

    if (name.len > len && memcmp(name.at + name.len - len, suffix, len) == 0) {
        name.len -= len;
        const char *dash = memrchr(name.at, '-', name.len);
        if (dash != NULL)
            name = (struct slice){ dash + 1, name.len - (size_t)(dash + 1 - name.at) };
    }
    for (int r = 0; r < ROLES; r++) {
        *role = (enum role)r;
        if (slice_is(name, role_name(*role)))
            return true;
    }
    return false;
}

static bool option_is(int fd, int option, int wanted)
{
    int value = -1;
    socklen_t len = sizeof(value);

    return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 && value == wanted;
}

static bool listens(int fd)
{
    return option_is(fd, SO_DOMAIN, AF_UNIX) && option_is(fd, SO_TYPE, SOCK_STREAM) &&
           option_is(fd, SO_ACCEPTCONN, 1);
}

static bool take_one(struct listen_fds *i, int fd, struct slice name, struct problem *problem)
{
    enum role role;
    int flags = fcntl(fd, F_GETFL);

    if (!role_named(name, &role))
        problem_set(
            problem, STATUS_BAD_VALUE,
            "descriptor %d in LISTEN_FDS is named \"%.*s\": set "
            "FileDescriptorName= in the socket unit to admin, observe, verify, self or fleet",
            fd, name.len > 60 ? 60 : (int)name.len, name.at);
    else if (!listens(fd))
        problem_set(problem, STATUS_BAD_VALUE,
                    "descriptor %d in LISTEN_FDS (%.*s) is not a "
                    "listening Unix stream socket: set "
                    "ListenStream=/run/jeton/….sock and Accept=no in the socket unit",
                    fd, (int)name.len, name.at);
    else if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
             fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        problem_set(problem, STATUS_INTERNAL, "descriptor %d in LISTEN_FDS: %s", fd,
                    strerror(errno));
    else {
        i->socket[i->count].fd = fd;
        i->socket[i->count++].role = role;
        return true;
    }
    return false;
}

unsigned listen_fds_roles(const struct listen_fds *i)
{
    unsigned roles = 0;

    for (unsigned n = 0; n < i->count; n++)
        roles |= 1u << i->socket[n].role;
    return roles;
}
