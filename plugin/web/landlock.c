/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/web/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Constants of ABI versions that the linux/landlock.h compiled with may not have. */
enum {
    FS_ABI_1 = (1 << 13) - 1, /* execute, read, write, create and remove, for all kinds of files */
    FS_REFER = 1 << 13,       /* since 2 */
    FS_TRUNCATE = 1 << 14,    /* since 3 */
    FS_IOCTL_DEV = 1 << 15,   /* since 5 */
    NET_TCP = 3,              /* bind and connect; since 4 */
    SCOPE_ALL = 3,            /* abstract sockets, signals; since 6 */
};

struct attributes {
    uint64_t handled_fs;
    uint64_t handled_net;
    uint64_t scoped;
};

static int begin(void)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    struct attributes wanted = { .handled_fs = FS_ABI_1 };
    size_t size = offsetof(struct attributes, handled_net);

    if (abi < 0)
        return -errno;
    wanted.handled_fs |= (abi >= 2 ? FS_REFER : 0) | (abi >= 3 ? FS_TRUNCATE : 0) |
                         (abi >= 5 ? FS_IOCTL_DEV : 0);
    if (abi >= 4) {
        wanted.handled_net = NET_TCP;
        size = offsetof(struct attributes, scoped);
    }
    if (abi >= 6) {
        wanted.scoped = SCOPE_ALL;
        size = sizeof(wanted);
    }
    long ruleset = syscall(SYS_landlock_create_ruleset, &wanted, size, 0);
    return ruleset < 0 ? -errno : (int)ruleset;
}

static int allow(int ruleset, const char *directory, uint64_t rights)
{
    struct landlock_path_beneath_attr rule = { .allowed_access = rights };

    rule.parent_fd = open(directory, O_PATH | O_CLOEXEC);
    if (rule.parent_fd < 0)
        return -errno;
    long added = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    int error = added < 0 ? -errno : 0;
    close(rule.parent_fd);
    return error;
}

int landlock_restrict(const char *const *removable, size_t count)
{
    const int ruleset = begin();
    char copy[PATH_MAX];
    int error = ruleset < 0 ? ruleset : 0;

    for (size_t i = 0; i < count && error == 0; i++) {
        if (removable[i] == NULL)
            continue;
        snprintf(copy, sizeof(copy), "%s", removable[i]);
        error = allow(ruleset, dirname(copy), LANDLOCK_ACCESS_FS_REMOVE_FILE);
    }
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    if (error == 0) /* their reports read it */
        error = allow(ruleset, "/proc", LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR);
#endif
    if (error == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
        error = -errno;
    if (ruleset >= 0)
        close(ruleset);
    return error;
}
