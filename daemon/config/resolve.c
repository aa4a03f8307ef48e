/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config/resolve.h"

#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_number(const char *name, uint64_t *number)
{
    return number_parse(slice_of(name), UINT32_MAX - 1, number);
}

static bool find_owner(const struct config *c, const char *section, const char *name, uid_t *uid,
                       struct problem *problem)
{
    uint64_t number;
    const struct passwd *found;

    *uid = (uid_t)-1;
    if (name[0] == '\0')
        return true;
    if (is_number(name, &number)) {
        *uid = (uid_t)number;
        return true;
    }
    found = getpwnam(name);
    if (found == NULL) {
        config_blame(c, section, "owner", problem, "there is no user %.40s on this machine", name);
        return false;
    }
    *uid = found->pw_uid;
    return true;
}

static bool find_group(const struct config *c, const char *section, const char *key,
                       const char *name, gid_t *gid, struct problem *problem)
{
    uint64_t number;
    const struct group *found;

    *gid = (gid_t)-1;
    if (name[0] == '\0')
        return true;
    if (is_number(name, &number)) {
        *gid = (gid_t)number;
        return true;
    }
    found = getgrnam(name);
    if (found == NULL) {
        config_blame(c, section, key, problem,
                     "there is no group %.40s on this machine; make it "
                     "(groupadd --system %.40s) or name another",
                     name, name);
        return false;
    }
    *gid = found->gr_gid;
    return true;
}

static bool find_user(const struct config *c, struct resolved *site, struct problem *problem)
{
    const struct passwd *found = c->user[0] != '\0' ? getpwnam(c->user) : NULL;

    site->becomes = found != NULL && geteuid() == 0;
    site->uid = found != NULL ? found->pw_uid : (uid_t)-1;
    site->gid = found != NULL ? found->pw_gid : (gid_t)-1;
    if (found != NULL || c->user[0] == '\0')
        return true;
    config_blame(c, "daemon", "user", problem,
                 "there is no user %.40s on this machine; make it "
                 "(useradd --system %.40s) or name another",
                 c->user, c->user);
    return false;
}

/* Root makes what is missing for the user that it becomes, but not its parents. */
static bool will_be_made(const struct resolved *site, const char *directory)
{
    char copy[PATH_MAX];

    snprintf(copy, sizeof(copy), "%s", directory);
    return site->becomes && access(dirname(copy), F_OK) == 0;
}

static bool check_directory(const struct config *c, const char *section, const char *key,
                            const char *path, const struct resolved *site, struct problem *problem)
{
    char copy[PATH_MAX];
    struct stat st;

    snprintf(copy, sizeof(copy), "%s", path);
    const char *directory = dirname(copy);
    if (stat(directory, &st) < 0 && errno == ENOENT && will_be_made(site, directory))
        return true;
    if (stat(directory, &st) < 0)
        config_blame(c, section, key, problem,
                     "the directory %.80s: %s; make it, or give another "
                     "path",
                     directory, strerror(errno));
    else if (!S_ISDIR(st.st_mode))
        config_blame(c, section, key, problem, "%.80s is not a directory", directory);
    else
        return true;
    return false;
}

bool resolve_config(const struct config *c, struct resolved *site, struct problem *problem)
{
    gid_t table;

    if (!find_user(c, site, problem) ||
        !check_directory(c, "daemon", "store", c->store, site, problem))
        return false;
    for (int role = 0; role < ROLES; role++) {
        const struct config_role *r = &c->role[role];
        const char *section = role_name((enum role)role);
        site->owner[role] = (uid_t)-1;
        site->group[role] = (gid_t)-1;
        if (r->paths == 0)
            continue;
        if (!find_owner(c, section, r->owner, &site->owner[role], problem) ||
            !find_group(c, section, "group", r->group, &site->group[role], problem))
            return false;
        for (unsigned i = 0; i < r->paths; i++)
            if (!check_directory(c, section, "path", r->path[i], site, problem))
                return false;
    }
    if (!find_group(c, "verify", "table_group", c->table_group, &table, problem))
        return false;
    site->table_gid = c->table_group[0] == '\0' ? RESOLVED_EVERYBODY : (int64_t)table;
    return true;
}
