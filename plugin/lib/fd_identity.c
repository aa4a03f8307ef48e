/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/lib/fd_identity.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

/* Set `held` last here, and clear it first below: a child that is forked in between closes
 * nothing. */
int fd_identity_set(struct fd_identity *identity, int fd)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -errno;
    identity->fd = fd;
    identity->device = st.st_dev;
    identity->inode = st.st_ino;
    identity->held = true;
    return 0;
}

bool fd_identity_is_ours(const struct fd_identity *identity)
{
    struct stat st;

    return identity->held && fstat(identity->fd, &st) == 0 && st.st_dev == identity->device &&
           st.st_ino == identity->inode;
}

void fd_identity_close(struct fd_identity *identity)
{
    bool ours = fd_identity_is_ours(identity);

    identity->held = false;
    if (ours)
        close(identity->fd);
}
