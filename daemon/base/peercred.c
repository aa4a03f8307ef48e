/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/base/peercred.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

int peercred_read(int fd, struct peercred *peer)
{
    struct ucred cred;
    socklen_t len = sizeof(cred);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
        return -errno;
    if (len != sizeof(cred))
        return -EPROTO;
    *peer = (struct peercred){ .uid = cred.uid, .gid = cred.gid, .pid = cred.pid };
    return 0;
}

bool peercred_in_group(int fd, const struct peercred *peer, gid_t group)
{
    bool found = peer->gid == group;
    size_t count;

    if (found)
        return true;
    gid_t *groups = peercred_groups(fd, &count);
    for (size_t i = 0; i < count && !found; i++)
        found = groups[i] == group;
    free(groups);
    return found;
}

gid_t *peercred_groups(int fd, size_t *count)
{
    socklen_t size = 32 * sizeof(gid_t);
    gid_t *groups = malloc(size);

    *count = 0;
    while (groups != NULL && getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0) {
        gid_t *more = errno == ERANGE ? realloc(groups, size) : NULL; /* the kernel set `size` */
        if (more == NULL)
            free(groups);
        groups = more;
    }
    if (groups != NULL)
        *count = size / sizeof(gid_t);
    return groups;
}
