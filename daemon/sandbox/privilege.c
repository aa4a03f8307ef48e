/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/sandbox/privilege.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "daemon/base/thread.h"

enum {
    STORE_DIRECTORY = 0700,
    SOCKET_DIRECTORY = 0755,
    PARENT_DIRECTORY = 0755,
    LOCKED_OWN = 64 << 20,
    LOCKED_A_CONNECTION = 48 << 10 /* two buffers and a few changes */
};

/* Open a directory in another, which is closed, after making it if it is missing; *made says whether
 * it was.  Follow no link in place of what was made.  -1 and errno on failure. */
static int enter(int parent, const char *name, bool *made)
{
    int error = mkdirat(parent, name, 0700) < 0 ? errno : 0;
    int fd = openat(parent, name,
                    O_DIRECTORY | O_CLOEXEC | (error == 0 ? O_RDONLY | O_NOFOLLOW : O_PATH));

    *made = error == 0;
    if (fd < 0 && (errno != ENOENT || error == 0))
        error = errno;
    close(parent);
    errno = error; /* of mkdirat(), if there is no directory */
    return fd;
}

/* Create what is missing of a path's directory, the last level with this mode and owner, those above
 * it as root's.  Change the owner only of what was created: an existing path may have been put there
 * by the user. */
static bool create_directory_of(const char *path, mode_t mode, uid_t uid, gid_t gid,
                                struct problem *problem)
{
    char copy[PATH_MAX], *rest;
    bool made = false, done = true;

    snprintf(copy, sizeof(copy), "%s", path);
    char *directory = dirname(copy), whole[PATH_MAX];
    snprintf(whole, sizeof(whole), "%s", directory);
    int fd = open(directory[0] == '/' ? "/" : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char *name = strtok_r(directory, "/", &rest);
    while (name != NULL && fd >= 0 && done) {
        char *next = strtok_r(NULL, "/", &rest);
        fd = enter(fd, name, &made);
        if (fd >= 0 && made)
            done = next != NULL ? fchmod(fd, PARENT_DIRECTORY) == 0 :
                                  fchown(fd, uid, gid) == 0 && fchmod(fd, mode) == 0;
        name = next;
    }
    if (fd < 0 || !done)
        problem_set(problem, STATUS_BAD_VALUE, "cannot create the directory %.100s: %s", whole,
                    strerror(errno));
    if (fd >= 0)
        close(fd);
    return fd >= 0 && done;
}

/* Raise a limit, as only root may, for the user that this process becomes. */
static void raise_limit(int resource, rlim_t wanted, const char *what)
{
    struct rlimit limit;

    if (getrlimit(resource, &limit) < 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = wanted;
    if (limit.rlim_max < wanted)
        limit.rlim_max = wanted;
    if (setrlimit(resource, &limit) < 0)
        log_debug("sandbox: the limit of %s is unchanged: %s", what, strerror(errno));
}

/* Estimate how much memory is locked at most. */
static rlim_t locked_bytes(const struct config *c)
{
    return (rlim_t)LOCKED_OWN + c->max_connections * LOCKED_A_CONNECTION;
}

bool privilege_prepare(const struct config *c, const struct resolved *resolved,
                       struct problem *problem)
{
    if (!resolved->becomes)
        return true;
    raise_limit(RLIMIT_MEMLOCK, locked_bytes(c), "locked memory");
    raise_limit(RLIMIT_NICE, thread_priority_limit(), "priority");
    if (!create_directory_of(c->store, STORE_DIRECTORY, resolved->uid, resolved->gid, problem))
        return false;
    /* Root's, as clients want it: they see root as the one who listens (proto/socket_trust.h). */
    for (int role = 0; role < ROLES; role++)
        for (unsigned i = 0; i < c->role[role].paths; i++)
            if (!create_directory_of(c->role[role].path[i], SOCKET_DIRECTORY, 0, 0, problem))
                return false;
    return true;
}

/* Change the uid last: groups and gid can be changed only by root. */
static bool change_user(const struct resolved *resolved)
{
    return initgroups(resolved->user, resolved->gid) == 0 &&
           setresgid(resolved->gid, resolved->gid, resolved->gid) == 0 &&
           setresuid(resolved->uid, resolved->uid, resolved->uid) == 0;
}

static bool has_changed(const struct resolved *resolved)
{
    uid_t uid[3];
    gid_t gid[3];

    return getresuid(&uid[0], &uid[1], &uid[2]) == 0 && getresgid(&gid[0], &gid[1], &gid[2]) == 0 &&
           uid[0] == resolved->uid && uid[1] == resolved->uid && uid[2] == resolved->uid &&
           gid[0] == resolved->gid && gid[1] == resolved->gid && gid[2] == resolved->gid &&
           setuid(0) < 0 && setgid(0) < 0;
}

bool privilege_drop(const struct config *c, const struct resolved *resolved,
                    struct problem *problem)
{
    if (c->user[0] == '\0') {
        if (geteuid() == 0)
            log_warning(
                "sandbox: running as root: set [daemon] user, or start jetond as a user of its own");
        return true;
    }
    if (!resolved->becomes) {
        if (geteuid() == resolved->uid)
            return true;
        config_blame(c, "daemon", "user", problem,
                     "only root can become %.40s; start jetond as root "
                     "or as that user, or leave this empty",
                     c->user);
        return false;
    }
    if (change_user(resolved) && has_changed(resolved))
        return true;
    problem_set(problem, STATUS_INTERNAL, "cannot become the user %.40s: %s", c->user,
                strerror(errno));
    return false;
}
