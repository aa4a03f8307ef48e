/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/sandbox/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Constants of ABI versions that the linux/landlock.h compiled with may not have. */
enum {
    FS_ABI_1 = (1 << 13) - 1, /* execute, read, write, create and remove, for all kinds of files */
    FS_REFER = 1 << 13,       /* since 2 */
    FS_TRUNCATE = 1 << 14,    /* since 3 */
    FS_IOCTL_DEV = 1 << 15,   /* since 5 */
    NET_BIND = 1,             /* since 4, ... */
    NET_TCP = 3,              /* ... and connect */
    SCOPE_ALL = 3,            /* abstract sockets, signals; since 6 */
};

struct attributes {
    uint64_t handled_fs;
    uint64_t handled_net;
    uint64_t scoped;
};

static int begin(uint64_t net)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    struct attributes wanted = { .handled_fs = FS_ABI_1 };
    size_t size = offsetof(struct attributes, handled_net);

    if (abi < 0)
        return -errno;
    wanted.handled_fs |= (abi >= 2 ? FS_REFER : 0) | (abi >= 3 ? FS_TRUNCATE : 0) |
                         (abi >= 5 ? FS_IOCTL_DEV : 0);
    if (abi >= 4) {
        wanted.handled_net = net;
        size = offsetof(struct attributes, scoped);
    }
    if (abi >= 6) {
        wanted.scoped = SCOPE_ALL;
        size = sizeof(wanted);
    }
    long ruleset = syscall(SYS_landlock_create_ruleset, &wanted, size, 0);
    return ruleset < 0 ? -errno : (int)ruleset;
}

int landlock_begin(void)
{
    return begin(NET_TCP);
}

int landlock_begin_client(void)
{
    return begin(NET_BIND);
}

int landlock_allow(int ruleset, const char *path, enum landlock_right right)
{
    struct landlock_path_beneath_attr rule = { .parent_fd = open(path, O_PATH | O_CLOEXEC) };
    struct stat st;

    if (rule.parent_fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
    const int directory = fstat(rule.parent_fd, &st) == 0 && S_ISDIR(st.st_mode);
    static const uint64_t rights[] = {
        [LANDLOCK_READ] = LANDLOCK_ACCESS_FS_READ_FILE,
        [LANDLOCK_REMOVE] = LANDLOCK_ACCESS_FS_REMOVE_FILE,
        [LANDLOCK_REPLACE] = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |
                             LANDLOCK_ACCESS_FS_REMOVE_FILE,
    };
    rule.allowed_access = rights[right];
    if (right == LANDLOCK_READ && directory)
        rule.allowed_access |= LANDLOCK_ACCESS_FS_READ_DIR;
    long added = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    int error = added < 0 ? -errno : 0;
    close(rule.parent_fd);
    return error;
}

int landlock_enter(int ruleset, int error)
{
    if (error == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
        error = -errno;
    close(ruleset);
    return error;
}
