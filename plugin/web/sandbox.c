/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/web/sandbox.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "plugin/sandbox/landlock.h"
#include "plugin/web/log.h"
#include "plugin/web/seccomp.h"

void sandbox_hide(void)
{
#ifndef __SANITIZE_ADDRESS__ /* its leak detector attaches to the process */
    prctl(PR_SET_DUMPABLE, 0);
#endif
}

static void log_missing(const char *what, int error)
{
    if (error < 0 && error != -ENOSYS && error != -EOPNOTSUPP)
        log_write("not protected by %s: %s", what, strerror(-error));
}

static int allow_removal(int ruleset, const char *path)
{
    char copy[PATH_MAX];

    if (path == NULL)
        return 0;
    snprintf(copy, sizeof(copy), "%s", path);
    return landlock_allow(ruleset, dirname(copy), LANDLOCK_REMOVE);
}

static int restrict_files(const char *const *removable, size_t count)
{
    int ruleset = landlock_begin(), error = ruleset < 0 ? ruleset : 0;

    for (size_t i = 0; i < count && error == 0; i++)
        error = allow_removal(ruleset, removable[i]);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    if (error == 0) /* their reports read it */
        error = landlock_allow(ruleset, "/proc", LANDLOCK_READ);
#endif
    return ruleset < 0 ? error : landlock_enter(ruleset, error);
}

void sandbox_enter(const char *const *removable, size_t count)
{
    const struct rlimit none = { 0, 0 };

    umask(0077);
    setrlimit(RLIMIT_CORE, &none);
    log_missing("no_new_privs", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0);
    log_missing("Landlock", restrict_files(removable, count));
    log_missing("a system call filter", seccomp_restrict());
}
