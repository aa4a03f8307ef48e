/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/sandbox/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <sys/stat.h>
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
    ABI_NET = 4,
    ABI_SCOPE = 6,
};

struct ruleset_attributes {
    uint64_t handled_fs;
    uint64_t handled_net;
    uint64_t scoped;
};

static const struct {
    int abi;
    uint64_t fs;
    size_t size; /* of the attributes in this version */
} versions[] = {
    { 1, FS_ABI_1, offsetof(struct ruleset_attributes, handled_net) },
    { 2, FS_REFER, offsetof(struct ruleset_attributes, handled_net) },
    { 3, FS_TRUNCATE, offsetof(struct ruleset_attributes, handled_net) },
    { ABI_NET, 0, offsetof(struct ruleset_attributes, scoped) },
    { 5, FS_IOCTL_DEV, offsetof(struct ruleset_attributes, scoped) },
    { ABI_SCOPE, 0, sizeof(struct ruleset_attributes) },
};

/* What each right means to the kernel. */
static const struct {
    unsigned right;
    uint64_t fs;
} meanings[] = {
    { LANDLOCK_READ, LANDLOCK_ACCESS_FS_READ_FILE },
    { LANDLOCK_LIST, LANDLOCK_ACCESS_FS_READ_DIR },
    { LANDLOCK_WRITE, LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                          LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
                          LANDLOCK_ACCESS_FS_REMOVE_FILE | FS_TRUNCATE },
    { LANDLOCK_REMOVE, LANDLOCK_ACCESS_FS_REMOVE_FILE },
};

/* The kernel refuses other rights in a rule for a file that is no directory. */
static const uint64_t file_rights = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                                    LANDLOCK_ACCESS_FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV;

int landlock_begin(struct landlock *l, bool network)
{
    struct ruleset_attributes wanted = { 0, 0, 0 };
    size_t size = 0;

    *l = (struct landlock){ .ruleset = -1 };
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 0)
        return -errno;
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        if (versions[i].abi > abi)
            break;
        wanted.handled_fs |= versions[i].fs;
        size = versions[i].size;
    }
    if (abi >= ABI_NET && !network)
        wanted.handled_net = NET_TCP;
    if (abi >= ABI_SCOPE)
        wanted.scoped = SCOPE_ALL;
    l->abi = (int)abi;
    l->handled = wanted.handled_fs;
    l->ruleset = (int)syscall(SYS_landlock_create_ruleset, &wanted, size, 0);
    return l->ruleset >= 0 ? 0 : -errno;
}

int landlock_allow(struct landlock *l, const char *path, unsigned rights)
{
    struct landlock_path_beneath_attr rule = { .parent_fd = open(path, O_PATH | O_CLOEXEC) };
    struct stat st;

    if (rule.parent_fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
        if (rights & meanings[i].right)
            rule.allowed_access |= meanings[i].fs & l->handled;
    if (fstat(rule.parent_fd, &st) == 0 && !S_ISDIR(st.st_mode))
        rule.allowed_access &= file_rights;
    long added = syscall(SYS_landlock_add_rule, l->ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    int error = added < 0 ? -errno : 0;
    close(rule.parent_fd);
    return error;
}

int landlock_enter(struct landlock *l)
{
    return syscall(SYS_landlock_restrict_self, l->ruleset, 0) < 0 ? -errno : 0;
}

void landlock_end(struct landlock *l)
{
    if (l->ruleset >= 0)
        close(l->ruleset);
    l->ruleset = -1;
}
