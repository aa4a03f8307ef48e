/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verify/module.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool refuse(struct problem *problem, const char *path, const char *why)
{
    problem_set(problem, STATUS_BAD_VALUE, "verifier %.100s: %.110s", path, why);
    return false;
}

/* Find the real path of a name. */
static bool find(const char *directory, const char *name, char path[PATH_MAX],
                 struct problem *problem)
{
    static const char suffix[] = ".so";
    char given[PATH_MAX];
    size_t len = strlen(name);
    bool whole = len > 3 && strcmp(name + len - 3, suffix) == 0;

    if (name[0] != '/' && strchr(name, '/') != NULL)
        return refuse(problem, name, "give an absolute path, or a name without any /");
    int length = name[0] == '/' ? snprintf(given, sizeof(given), "%s", name) :
                                  snprintf(given, sizeof(given), "%s/%s%s", directory, name,
                                           whole ? "" : suffix);
    if (length >= (int)sizeof(given))
        return refuse(problem, name, "the path is too long");
    if (realpath(given, path) != NULL)
        return true;
    bool packaged = strcmp(name, "jwt") == 0 || strcmp(name, "introspect") == 0;
    problem_set(problem, STATUS_BAD_VALUE, "verifier %.60s: %.100s: %s%s", name, given,
                strerror(errno),
                errno == ENOENT && packaged ? "; the package jeton-verifiers has it" : "");
    return false;
}

enum part { PART_FILE, PART_DIRECTORY, PART_ABOVE };

/* Check that no other user can change this part of the path, and so run code in this process.  In a
 * sticky directory others cannot replace what is root's, but can add names for other files of root's:
 * so only a directory further up may be sticky. */
static bool is_ours_alone(const char *path, enum part part, struct problem *problem)
{
    bool is_file = part == PART_FILE;
    struct stat st;

    if (stat(path, &st) < 0)
        return refuse(problem, path, strerror(errno));
    if (is_file ? !S_ISREG(st.st_mode) : !S_ISDIR(st.st_mode))
        return refuse(problem, path, is_file ? "this is no file" : "this is no directory");
    if (st.st_uid != 0 && st.st_uid != geteuid())
        return refuse(problem, path, "this must belong to root or to jetond's user (chown root)");
    bool sticky = part == PART_ABOVE && (st.st_mode & S_ISVTX) != 0;
    if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0 && !sticky)
        return refuse(problem, path, "others may write to this (chmod go-w)");
    return true;
}

static bool check_path(const char *path, struct problem *problem)
{
    char part[PATH_MAX];
    enum part which = PART_DIRECTORY;

    if (!is_ours_alone(path, PART_FILE, problem))
        return false;
    snprintf(part, sizeof(part), "%s", path);
    for (char *slash; (slash = strrchr(part, '/')) != NULL;) {
        slash[slash == part] = '\0';
        if (!is_ours_alone(part, which, problem))
            return false;
        which = PART_ABOVE;
        if (slash == part)
            break;
    }
    return true;
}

/* -- the descriptor -------------------------------------------------------------------------- */

static bool is_name(const char *name)
{
    size_t len = name != NULL ? strnlen(name, 32) : 0;

    return len > 0 && len < 32 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

static bool check_verifier(const struct jeton_verifier *v, const char *path,
                           struct problem *problem)
{
    const uint32_t flags = JETON_VERIFIER_MAY_BLOCK | JETON_VERIFIER_COSTLY |
                           JETON_VERIFIER_NETWORK | JETON_VERIFIER_NO_GROUPS;

    if (v == NULL)
        return refuse(problem, path, "it has no symbol jeton_verifier: this is no verifier");
    if (v->abi != JETON_VERIFIER_ABI) {
        problem_set(problem, STATUS_BAD_VALUE,
                    "verifier %.100s: it was compiled for version %u of "
                    "<jeton/verifier.h>, and this jetond has version %u; compile it again",
                    path, (unsigned)v->abi, JETON_VERIFIER_ABI);
        return false;
    }
    if ((v->flags & ~flags) != 0)
        return refuse(problem, path, "it has flags that this jetond does not know");
    if (!is_name(v->name))
        return refuse(problem, path, "its name should be 1 to 31 bytes out of a-z 0-9 -");
    if (strcmp(v->name, "local") == 0)
        return refuse(problem, path, "its name is taken: local is jetond's own table");
    if (v->open == NULL || v->verify == NULL || v->close == NULL)
        return refuse(problem, path, "it has no open, verify or close");
    return true;
}

const struct jeton_verifier *module_load(const char *directory, const char *name, void **handle,
                                         struct problem *problem)
{
    char path[PATH_MAX];

    *handle = NULL;
    if (!find(directory, name, path, problem) || !check_path(path, problem))
        return NULL;
    *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (*handle == NULL) {
        refuse(problem, name, dlerror());
        return NULL;
    }
    const struct jeton_verifier *v = dlsym(*handle, "jeton_verifier");
    if (check_verifier(v, path, problem))
        return v;
    module_unload(*handle);
    *handle = NULL;
    return NULL;
}

void module_unload(void *handle)
{
    if (handle != NULL)
        dlclose(handle);
}
