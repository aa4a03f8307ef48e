/* SPDX-License-Identifier: Apache-2.0 */
/* Which open socket a descriptor number stands for.
 *
 * The host may close our descriptor and open something else under its number.  A socket's inode is
 * its process, so device and inode are compared before each use, and before close().  A parent's
 * identities are inherited by fork(), so that the child can close the descriptors it got. */
#ifndef JETON_PLUGIN_LIB_FD_IDENTITY_H
#define JETON_PLUGIN_LIB_FD_IDENTITY_H

#include <stdbool.h>
#include <sys/types.h>

/* No descriptor: all zero. */
struct fd_identity {
    bool held;
    int fd;
    dev_t device;
    ino_t inode;
};

/* Record a descriptor, which the identity owns from then on.  Return 0 or -errno. */
int fd_identity_set(struct fd_identity *identity, int fd);

/* True if a descriptor is recorded and its number still stands for the same file. */
bool fd_identity_is_ours(const struct fd_identity *identity);

/* Forget the descriptor, and close it if it is still ours. */
void fd_identity_close(struct fd_identity *identity);

#endif
