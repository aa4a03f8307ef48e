/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/gateway/unix_socket.h"

#include <errno.h>
#include <grp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/text.h"

bool unix_socket_group(const char *name, gid_t *gid)
{
    uint64_t number;

    *gid = (gid_t)-1;
    if (name[0] == '\0')
        return true;
    struct group *group = getgrnam(name);
    if (group != NULL)
        *gid = group->gr_gid;
    else if (number_parse(slice_of(name), UINT32_MAX - 1, &number))
        *gid = (gid_t)number;
    return *gid != (gid_t)-1;
}

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    return address;
}

int unix_socket_connect(const char *path)
{
    struct sockaddr_un address = address_of(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    int error = errno;
    if (fd >= 0)
        close(fd);
    return -error;
}

/* Remove a socket that nobody listens on any more; return NULL, or why there is something else. */
static const char *clear_path(const char *path)
{
    struct stat st;

    if (lstat(path, &st) < 0)
        return NULL;
    if (!S_ISSOCK(st.st_mode))
        return "it exists, and is not a socket; move it away";
    int fd = unix_socket_connect(path);
    if (fd >= 0)
        close(fd);
    if (fd != -ECONNREFUSED)
        return "another process listens on it, or it cannot be found out; stop it, or give another "
               "path";
    return unlink(path) == 0 ? NULL : "the old socket cannot be removed";
}

/* Return what to do about an error of make(). */
static const char *advice(int error)
{
    switch (error) {
    case ENOENT:
        return "; make its directory, or give another path";
    case EACCES:
        return "; give another path, or allow this user to write there";
    case EPERM:
        return "; name a group that this user is in, or none";
    default:
        return "";
    }
}

/* Between bind() and chmod() nobody can connect, as it does not listen yet. */
static bool make(int fd, const char *path, unsigned mode, gid_t gid, struct unix_socket_file *file)
{
    struct sockaddr_un address = address_of(path);
    struct stat st;
    mode_t before = umask(0177);
    int bound = bind(fd, (struct sockaddr *)&address, sizeof(address));

    umask(before);
    if (bound < 0 || lstat(path, &st) < 0)
        return false;
    file->device = st.st_dev;
    file->inode = st.st_ino;
    snprintf(file->path, sizeof(file->path), "%s", path);
    return (gid == (gid_t)-1 || lchown(path, (uid_t)-1, gid) == 0) && chmod(path, mode) == 0;
}

int unix_socket_listen(const char *path, unsigned mode, const char *group, int backlog,
                       struct unix_socket_file *file, char *fault, size_t size)
{
    gid_t gid;

    file->path[0] = '\0';
    if (!unix_socket_group(group, &gid)) {
        snprintf(fault, size, "%s: there is no group %s on this machine", path, group);
        return -1;
    }
    const char *why = clear_path(path);
    if (why != NULL) {
        snprintf(fault, size, "%s: %s", path, why);
        return -1;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && make(fd, path, mode, gid, file) && listen(fd, backlog) == 0)
        return fd;
    snprintf(fault, size, "cannot make the socket %s (mode %04o, group %s): %s%s", path, mode,
             group[0] != '\0' ? group : "unchanged", strerror(errno), advice(errno));
    if (fd >= 0)
        close(fd);
    unix_socket_remove(file);
    return -1;
}

void unix_socket_remove(const struct unix_socket_file *file)
{
    struct stat st;

    if (file->path[0] != '\0' && lstat(file->path, &st) == 0 && st.st_dev == file->device &&
        st.st_ino == file->inode)
        unlink(file->path);
}
