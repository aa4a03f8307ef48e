/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config/paths.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* Return the path with its directory's real name, so that two spellings of one path are equal. */
static void real_path(const char *path, char real[PATH_MAX])
{
    char directory[PATH_MAX], base[PATH_MAX], found[PATH_MAX];

    snprintf(directory, sizeof(directory), "%s", path);
    snprintf(base, sizeof(base), "%s", path);
    const char *name = basename(base);
    if (realpath(dirname(directory), found) == NULL ||
        snprintf(real, PATH_MAX, "%s/%s", found, name) >= PATH_MAX)
        snprintf(real, PATH_MAX, "%s", path);
}

bool paths_check_unique(const struct config *c, enum role role, unsigned at,
                        struct problem *problem)
{
    char path[PATH_MAX], other[PATH_MAX];
    const char *section = role_name(role), *taken = NULL;

    real_path(c->role[role].path[at], path);
    real_path(c->store, other);
    if (strcmp(path, other) == 0)
        taken = "the store";
    for (int r = 0; r <= (int)role && taken == NULL; r++)
        for (unsigned i = 0; i < (r == (int)role ? at : c->role[r].paths) && taken == NULL; i++) {
            real_path(c->role[r].path[i], other);
            if (strcmp(path, other) == 0)
                taken = role_name((enum role)r);
        }
    if (taken == NULL)
        return true;
    config_blame(c, section, "path", problem, "%.100s is the path of %s already", path, taken);
    return false;
}

/* True if a user without any rights can reach what lies in a directory; also if it is not there
 * yet. */
static bool is_open(const char *directory)
{
    struct stat st;

    return stat(directory, &st) < 0 || (st.st_mode & S_IXOTH) != 0;
}

bool paths_check_closed(const struct config *c, enum role role, unsigned at,
                        struct problem *problem)
{
    const struct config_role *r = &c->role[role];
    char path[PATH_MAX];
    bool open = (r->mode & S_IWOTH) != 0;

    snprintf(path, sizeof(path), "%s", r->path[at]);
    for (char *slash; open && (slash = strrchr(path, '/')) != NULL && slash != path;) {
        *slash = '\0';
        open = is_open(path);
    }
    if (!open)
        return true;
    config_blame(c, role_name(role), "mode", problem,
                 "%04o lets every user of this host do everything; give 0660 and a group, or 0600",
                 r->mode);
    return false;
}
