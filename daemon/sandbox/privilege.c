/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/sandbox/privilege.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "daemon/base/thread.h"

enum {
    STORE_DIRECTORY = 0700,
    SOCKET_DIRECTORY = 0755,
    LOCKED_OWN = 64 << 20,
    LOCKED_A_CONNECTION = 48 << 10
};

/* Only what is missing is made: nothing that a user could have put in the way changes its owner. */
static bool make_directory_of(const char *path, mode_t mode, const struct resolved *site,
                              struct problem *problem)
{
    char copy[PATH_MAX];

    snprintf(copy, sizeof(copy), "%s", path);
    const char *directory = dirname(copy);
    if (mkdir(directory, 0700) < 0 && errno == EEXIST)
        return true;
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    bool made = fd >= 0 && fchown(fd, site->uid, site->gid) == 0 && fchmod(fd, mode) == 0;
    if (!made)
        problem_set(problem, STATUS_BAD_VALUE, "cannot make the directory %.100s: %s", directory,
                    strerror(errno));
    if (fd >= 0)
        close(fd);
    return made;
}

/* Who is root now may allow the user that it becomes more of something. */
static void allow(int resource, rlim_t wanted, const char *what)
{
    struct rlimit limit;

    if (getrlimit(resource, &limit) < 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = wanted;
    if (limit.rlim_max < wanted)
        limit.rlim_max = wanted;
    if (setrlimit(resource, &limit) < 0)
        log_debug("the limit of %s stays as it is: %s", what, strerror(errno));
}

/* What is locked in memory: two buffers and a few changes of each connection. */
static rlim_t locked(const struct config *c)
{
    return (rlim_t)LOCKED_OWN + c->max_connections * LOCKED_A_CONNECTION;
}

bool privilege_prepare(const struct config *c, const struct resolved *site, struct problem *problem)
{
    if (!site->becomes)
        return true;
    allow(RLIMIT_MEMLOCK, locked(c), "locked memory");
    allow(RLIMIT_NICE, thread_priority_limit(), "priority");
    if (!make_directory_of(c->store, STORE_DIRECTORY, site, problem))
        return false;
    for (int role = 0; role < ROLES; role++)
        for (unsigned i = 0; i < c->role[role].paths; i++)
            if (!make_directory_of(c->role[role].path[i], SOCKET_DIRECTORY, site, problem))
                return false;
    return true;
}

/* The order pending: groups and gid can be changed only while the uid is still root's. */
static bool become(const struct config *c, const struct resolved *site)
{
    return initgroups(c->user, site->gid) == 0 && setresgid(site->gid, site->gid, site->gid) == 0 &&
           setresuid(site->uid, site->uid, site->uid) == 0;
}

static bool has_become(const struct resolved *site)
{
    uid_t uid[3];
    gid_t gid[3];

    return getresuid(&uid[0], &uid[1], &uid[2]) == 0 && getresgid(&gid[0], &gid[1], &gid[2]) == 0 &&
           uid[0] == site->uid && uid[1] == site->uid && uid[2] == site->uid &&
           gid[0] == site->gid && gid[1] == site->gid && gid[2] == site->gid && setuid(0) < 0 &&
           setgid(0) < 0;
}

bool privilege_drop(const struct config *c, const struct resolved *site, struct problem *problem)
{
    if (c->user[0] == '\0') {
        if (geteuid() == 0)
            log_warning("running as root: set [daemon] user, or start it as a user of its own");
        return true;
    }
    if (!site->becomes) {
        if (geteuid() == site->uid)
            return true;
        config_blame(c, "daemon", "user", problem,
                     "only root can become %.40s; start jetond as root "
                     "or as that user, or leave this empty",
                     c->user);
        return false;
    }
    if (become(c, site) && has_become(site))
        return true;
    problem_set(problem, STATUS_INTERNAL, "cannot become the user %.40s: %s", c->user,
                strerror(errno));
    return false;
}
