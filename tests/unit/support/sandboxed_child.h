/* SPDX-License-Identifier: Apache-2.0 */
/* Run attempts in sandboxed children, with a daemon's files in a temporary directory. */
#ifndef JETON_TESTS_UNIT_SUPPORT_SANDBOXED_CHILD_H
#define JETON_TESTS_UNIT_SUPPORT_SANDBOXED_CHILD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/sanitizer.h"
#include "daemon/sandbox/sandbox.h"

enum { KILLED = -1000, DONE = 0 };

static char directory[] = "/tmp/jeton-sandbox-XXXXXX";
static struct config config;

/* Make a store, a socket and another file in a directory of its own. */
static int make_sandbox_directory(void **state)
{
    (void)state;
    if (mkdtemp(directory) == NULL)
        return -1;
    config_defaults(&config);
    snprintf(config.store, sizeof(config.store), "%s/store/tokens.tdb", directory);
    snprintf(config.role[ROLE_ADMIN].path[0], CONFIG_SOCKET_PATH_MAX, "%s/run/admin.sock",
             directory);
    config.role[ROLE_VERIFY].paths = 0;
    char command[256];
    snprintf(command, sizeof(command),
             "cd %s && mkdir store run else && echo x >else/file && "
             "echo x >store/tokens.tdb && echo x >run/admin.sock",
             directory);
    return system(command);
}

static int remove_sandbox_directory(void **state)
{
    char command[64];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", directory);
    return system(command);
}

static void need_plain_build(void)
{
    if (JETON_SANITIZED)
        skip();
}

static inline const char *in_directory(const char *name)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    return path;
}

static int result_of(long returned)
{
    return returned < 0 ? -errno : DONE;
}

/* Run an attempt in a sandboxed child, some verifier of which connects or not; return DONE, -errno,
 * or KILLED. */
static int run_sandboxed_with(int (*attempt)(void), bool network, bool connects)
{
    int status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        config.network = network;
        sandbox_secrets();
        sandbox_files(&config);
        sandbox_calls(&config, connects);
        _exit(-attempt());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status)) {
        assert_int_equal(WTERMSIG(status), SIGSYS);
        return KILLED;
    }
    return -WEXITSTATUS(status);
}

static inline int run_sandboxed(int (*attempt)(void), bool network)
{
    return run_sandboxed_with(attempt, network, false);
}

#endif
