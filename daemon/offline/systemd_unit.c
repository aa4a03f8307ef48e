/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/offline/systemd_unit.h"

#include <libgen.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OUTPUT_MAX = 16384 };

/* Run systemctl show, and read what it prints.  False: there is no systemd here. */
static bool show(char output[OUTPUT_MAX])
{
    static char *arguments[] = { "systemctl", "show",
                                 "--property=LoadState,ProtectSystem,StateDirectory,ReadWritePaths",
                                 "jetond.service", NULL };
    posix_spawn_file_actions_t actions;
    size_t len = 0;
    int pipes[2], status = -1;
    pid_t pid = -1;

    if (pipe(pipes) < 0)
        return false;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipes[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, pipes[0]);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", 1, 0);
    bool started = posix_spawnp(&pid, arguments[0], &actions, NULL, arguments, environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    close(pipes[1]);
    for (ssize_t got = 1; started && got > 0 && len<OUTPUT_MAX - 1; len += got> 0 ? (size_t)got : 0)
        got = read(pipes[0], output + len, OUTPUT_MAX - 1 - len);
    close(pipes[0]);
    output[len] = '\0';
    return started && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

/* Copy the value of a property. */
static void get(const char *output, const char *property, char value[OUTPUT_MAX])
{
    size_t len = strlen(property);

    value[0] = '\0';
    for (const char *line = output; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, property, len) == 0 && line[len] == '=')
            snprintf(value, OUTPUT_MAX, "%.*s", (int)strcspn(line + len + 1, "\n"), line + len + 1);
    }
}

static bool is_below(const char *directory, const char *base)
{
    size_t len = strlen(base);

    return strncmp(directory, base, len) == 0 && (directory[len] == '/' || directory[len] == '\0');
}

/* True if the directory is below one of the paths in a list, each of which has this before it. */
static bool is_listed(const char *directory, char *list, const char *before)
{
    char path[PATH_MAX], *rest;

    for (char *word = strtok_r(list, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        snprintf(path, sizeof(path), "%s%s", before, word + strspn(word, "-+"));
        if (is_below(directory, path))
            return true;
    }
    return false;
}

bool systemd_unit_may_write(const char *file, char directory[PATH_MAX])
{
    static char output[OUTPUT_MAX], value[OUTPUT_MAX];
    char copy[PATH_MAX];

    snprintf(copy, sizeof(copy), "%s", file);
    if (realpath(dirname(copy), directory) == NULL || !show(output))
        return true;
    get(output, "LoadState", value);
    if (strcmp(value, "loaded") != 0)
        return true;
    get(output, "ProtectSystem", value);
    if (strcmp(value, "strict") != 0)
        return true;
    get(output, "ReadWritePaths", value);
    if (is_listed(directory, value, ""))
        return true;
    get(output, "StateDirectory", value);
    return is_listed(directory, value, "/var/lib/");
}
