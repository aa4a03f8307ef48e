/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/program.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "plugin/cli/message.h"

static const char *find(const char *name, const char *installed)
{
    static char path[PATH_MAX + 64];
    ssize_t len = readlink("/proc/self/exe", path, PATH_MAX - 1);

    if (len > 0) {
        path[len] = '\0';
        snprintf(strrchr(path, '/'), 64, "/%s", name);
        if (access(path, X_OK) == 0)
            return path;
    }
    return installed;
}

enum cli_exit cli_program_become(const char *name, const char *installed, const char *const *words,
                                 const char *missing)
{
    const char *program = find(name, installed);

    execv(program, (char *const *)words);
    if (errno == ENOENT)
        cli_message("%s is not installed: %s", program, missing);
    else
        cli_message("cannot run %s: %s", program, strerror(errno));
    return CLI_EXIT_UNAVAILABLE;
}
