/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config/resolve.h"

#include <errno.h>
#include <libgen.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/name_lookup.h"
#include "daemon/config/paths.h"
#include "daemon/config/policy_resolve.h"

/* Resolve a name or a number; (id_t)-1 stands for an empty name. */
static bool find_id(const char *name, bool (*find)(const char *name, id_t *id), id_t *id)
{
    uint64_t number;

    *id = (id_t)-1;
    if (name[0] == '\0')
        return true;
    if (!number_parse(slice_of(name), UINT32_MAX - 1, &number))
        return find(name, id);
    *id = (id_t)number;
    return true;
}

/* True after a look-up that failed if a name service did not answer: what it is asked for may exist.
 * `kind`: "user" or "group". */
static bool blame_name_service(const struct config *c, const char *section, const char *key,
                               const char *kind, const char *name, struct problem *problem)
{
    int error = name_lookup_error();

    if (error == 0)
        return false;
    config_blame(c, section, key, problem, "the %s %.40s cannot be looked up: %s", kind, name,
                 strerror(error));
    problem->status = STATUS_INTERNAL; /* trying again may help */
    return true;
}

static bool resolve_owner(const struct config *c, const char *section, const char *name, uid_t *uid,
                          struct problem *problem)
{
    if (find_id(name, name_lookup_user, uid))
        return true;
    if (!blame_name_service(c, section, "owner", "user", name, problem))
        config_blame(c, section, "owner", problem, "there is no user %.40s on this machine", name);
    return false;
}

static bool resolve_group(const struct config *c, const char *section, const char *key,
                          const char *name, gid_t *gid, struct problem *problem)
{
    if (find_id(name, name_lookup_group, gid))
        return true;
    if (!blame_name_service(c, section, key, "group", name, problem))
        config_blame(c, section, key, problem,
                     "there is no group %.40s on this machine; make it "
                     "(groupadd --system %.40s) or name another",
                     name, name);
    return false;
}

/* Find a user by name, or by number if no user has that name. */
static const struct passwd *find_user(const char *name)
{
    uint64_t number;

    errno = 0;
    const struct passwd *found = getpwnam(name);
    if (found == NULL && number_parse(slice_of(name), UINT32_MAX - 1, &number))
        found = getpwuid((uid_t)number);
    return found;
}

static bool resolve_user(const struct config *c, struct resolved *resolved, struct problem *problem)
{
    const struct passwd *found = c->user[0] != '\0' ? find_user(c->user) : NULL;

    resolved->becomes = found != NULL && geteuid() == 0;
    resolved->uid = found != NULL ? found->pw_uid : (uid_t)-1;
    resolved->gid = found != NULL ? found->pw_gid : (gid_t)-1;
    if (found != NULL)
        snprintf(resolved->user, sizeof(resolved->user), "%s", found->pw_name);
    if (found != NULL || c->user[0] == '\0')
        return true;
    if (!blame_name_service(c, "daemon", "user", "user", c->user, problem))
        config_blame(c, "daemon", "user", problem,
                     "there is no user %.40s on this machine; make it "
                     "(useradd --system NAME) or name another",
                     c->user);
    return false;
}

static bool check_directory(const struct config *c, const char *section, const char *key,
                            const char *path, const struct resolved *resolved,
                            struct problem *problem)
{
    char copy[PATH_MAX];
    struct stat st;

    snprintf(copy, sizeof(copy), "%s", path);
    const char *directory = dirname(copy);
    if (stat(directory, &st) < 0 && errno == ENOENT && resolved->becomes)
        return true; /* root will make it: privilege_prepare() */
    if (stat(directory, &st) < 0)
        config_blame(c, section, key, problem,
                     "the directory %.80s: %s; make it, or give another path", directory,
                     strerror(errno));
    else if (!S_ISDIR(st.st_mode))
        config_blame(c, section, key, problem, "%.80s is not a directory", directory);
    else
        return true;
    return false;
}

/* -- all of it ------------------------------------------------------------------------------- */

/* Add what was found about a key, unless its value was refused already: then it is not what the
 * configuration names. */
static void add_fault(const struct config *c, const char *section, const char *key,
                      const struct problem *problem, struct config_faults *faults)
{
    if (!config_key_refused(c, section, key))
        config_fault_add(faults, problem);
}

static void resolve_role(const struct config *c, enum role role, struct resolved *resolved,
                         struct config_faults *faults)
{
    const struct config_role *r = &c->role[role];
    const char *section = role_name(role);
    struct problem problem;

    resolved->owner[role] = (uid_t)-1;
    resolved->group[role] = (gid_t)-1;
    if (r->paths == 0)
        return;
    if (!resolve_owner(c, section, r->owner, &resolved->owner[role], &problem))
        add_fault(c, section, "owner", &problem, faults);
    if (!resolve_group(c, section, "group", r->group, &resolved->group[role], &problem))
        add_fault(c, section, "group", &problem, faults);
    for (unsigned i = 0; i < r->paths; i++) {
        if (!check_directory(c, section, "path", r->path[i], resolved, &problem) ||
            !paths_check_unique(c, role, i, &problem))
            add_fault(c, section, "path", &problem, faults);
        if (role == ROLE_ADMIN && !paths_check_closed(c, role, i, &problem))
            add_fault(c, section, "mode", &problem, faults);
    }
}

bool resolve_all(const struct config *c, struct resolved *resolved, struct config_faults *faults)
{
    size_t before = faults->count;
    struct problem problem;
    gid_t table;

    if (!resolve_user(c, resolved, &problem))
        add_fault(c, "daemon", "user", &problem, faults);
    if (!check_directory(c, "daemon", "store", c->store, resolved, &problem))
        add_fault(c, "daemon", "store", &problem, faults);
    for (int role = 0; role < ROLES; role++)
        resolve_role(c, (enum role)role, resolved, faults);
    if (!resolve_group(c, "verify", "table_group", c->table_group, &table, &problem))
        add_fault(c, "verify", "table_group", &problem, faults);
    else
        resolved->table_gid = c->table_group[0] == '\0' ? RESOLVED_EVERYBODY : (int64_t)table;
    policies_resolve(c, resolved->exempt_import, faults);
    return faults->count == before;
}

bool resolve_config(const struct config *c, struct resolved *resolved, struct problem *problem)
{
    struct config_faults faults = { .count = 0 };

    if (resolve_all(c, resolved, &faults))
        return true;
    *problem = faults.fault[0];
    return false;
}
