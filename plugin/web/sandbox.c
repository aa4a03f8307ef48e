/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/web/sandbox.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "plugin/web/landlock.h"
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

void sandbox_enter(const char *const *removable, size_t count)
{
    const struct rlimit none = { 0, 0 };

    umask(0077);
    setrlimit(RLIMIT_CORE, &none);
    log_missing("no_new_privs", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0);
    log_missing("Landlock", landlock_restrict(removable, count));
    log_missing("a system call filter", seccomp_restrict());
}
