/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/gateway/sandbox.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "plugin/sandbox/landlock.h"
#include "plugin/gateway/seccomp.h"

/* What the kernel does not have is no fault. */
static void log_missing(const char *what, int error)
{
    const bool absent = error == -ENOSYS || error == -EOPNOTSUPP;

    log_write(absent ? LOG_INFO : LOG_WARNING, "sandbox: not protected by %s: %s", what,
              strerror(-error));
}

static int allow_directory_of(int ruleset, const char *path, enum landlock_right right)
{
    char copy[PATH_MAX];

    if (path[0] == '\0')
        return 0;
    snprintf(copy, sizeof(copy), "%s", path);
    return landlock_allow(ruleset, dirname(copy), right);
}

/* SIGHUP reads the configuration; the end of the process removes the sockets it made. */
static int restrict_files(const struct config *c, const struct config_source *source)
{
    int ruleset = landlock_begin(), error = ruleset < 0 ? ruleset : 0;

    if (error == 0)
        error = allow_directory_of(ruleset, source->file, LANDLOCK_READ);
    if (error == 0)
        error = allow_directory_of(ruleset, c->path, LANDLOCK_REMOVE);
    if (error == 0)
        error = allow_directory_of(ruleset, c->admin, LANDLOCK_REMOVE);
    if (error == 0)
        error = landlock_allow(ruleset, "/etc/localtime", LANDLOCK_READ);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    if (error == 0)
        error = landlock_allow(ruleset, "/proc", LANDLOCK_READ);
#endif
    return ruleset < 0 ? error : landlock_enter(ruleset, error);
}

void sandbox_enter(const struct config *c, const struct config_source *source)
{
    if (geteuid() == 0)
        log_write(LOG_WARNING, "sandbox: running as root: start it as a user of its own");
    if (!c->sandbox)
        return;
    int error = restrict_files(c, source);
    if (error < 0)
        log_missing("Landlock", error);
    error = seccomp_restrict();
    if (error < 0)
        log_missing("a system call filter", error);
}
