/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/store_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

void store_lock_blame(const char *path, struct problem *problem)
{
    problem_set(problem, STATUS_BUSY,
                "store %.150s is in use by another jetond; stop that one first", path);
}

static bool is_regular(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

static bool cannot_open(const char *path, const char *why, struct problem *problem)
{
    problem_set(problem, STATUS_STORE, "cannot open %.180s: %s", path, why);
    return false;
}

bool store_lock_file(int fd, const char *path, const char *suffix, struct problem *problem)
{
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return true;
    if (errno == EWOULDBLOCK)
        store_lock_blame(path, problem);
    else
        problem_set(problem, STATUS_STORE,
                    "cannot lock %.150s%s: %s; it must be on a file system that supports flock(2)",
                    path, suffix, strerror(errno));
    return false;
}

bool store_lock_take(struct store_lock *l, const char *path, bool write, struct problem *problem)
{
    int flags = write ? O_RDWR | O_CREAT : O_RDONLY;
    char name[PATH_MAX + 8];

    snprintf(name, sizeof(name), "%s.lock", path);
    l->fd = open(name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
    if (l->fd < 0)
        return (errno == ENOENT && !write) || cannot_open(name, strerror(errno), problem);
    if (!is_regular(l->fd))
        return cannot_open(name, "it is not a regular file; remove it", problem);
    if (write)
        return store_lock_file(l->fd, path, ".lock", problem);
    l->shared = flock(l->fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
    return true;
}

void store_lock_release(struct store_lock *l)
{
    if (l->fd >= 0)
        close(l->fd);
}
