/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/fleet/sandbox.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "plugin/fleet/seccomp.h"
#include "plugin/sandbox/landlock.h"

/* What a server sends is read by libpq, which takes as much as it says; then it has no memory, and the
 * connection ends. */
enum { MEMORY_MAX = 512 * 1024 * 1024 };

static void limit_memory(void)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    const struct rlimit most = { MEMORY_MAX, MEMORY_MAX };

    /* The service manager may have forbidden it, and limits memory itself then. */
    if (setrlimit(RLIMIT_DATA, &most) < 0)
        log_write(errno == EPERM ? LOG_DEBUG : LOG_WARNING, "sandbox: memory cannot be limited: %s",
                  strerror(errno));
#endif
}

/* What the kernel does not have is no fault. */
static void log_missing(const char *what, int error)
{
    const bool absent = error == -ENOSYS || error == -EOPNOTSUPP;

    log_write(absent ? LOG_INFO : LOG_WARNING, "sandbox: not protected by %s: %s", what,
              strerror(-error));
}

/* libpq reads certificates and passwords, each time that it connects, wherever its parameters say; nothing is
 * written or run but the file of the metrics. */
static int restrict_files(const struct config *c)
{
    int ruleset = landlock_begin_client(), error = ruleset < 0 ? ruleset : 0;
    char directory[CONFIG_FILE_MAX + 1];

    if (error == 0)
        error = landlock_allow(ruleset, "/", LANDLOCK_READ);
    snprintf(directory, sizeof(directory), "%s", c->metrics);
    if (error == 0 && c->metrics[0] != '\0')
        error = landlock_allow(ruleset, dirname(directory), LANDLOCK_REPLACE);
    return ruleset < 0 ? error : landlock_enter(ruleset, error);
}

void sandbox_enter(const struct config *c)
{
    limit_memory();
    if (geteuid() == 0)
        log_write(LOG_WARNING, "sandbox: running as root: start it as a user of its own");
    if (!c->sandbox)
        return;
    int error = restrict_files(c);
    if (error < 0)
        log_missing("Landlock", error);
    error = seccomp_restrict();
    if (error < 0)
        log_missing("a system call filter", error);
}
