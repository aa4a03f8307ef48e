/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/sandbox/sandbox.h"

#include <errno.h>
#include <libgen.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "daemon/base/sanitizer.h"
#include "daemon/sandbox/landlock.h"
#include "daemon/sandbox/name_service.h"
#include "daemon/sandbox/seccomp.h"

static _Atomic unsigned landlock_abi; /* written by the main thread, before there are others */
static _Atomic int reach = SANDBOX_NO_LIMIT; /* likewise, and then once */

/* Paths that any configuration needs.  /etc is listed as a whole, because a rule is for an inode,
 * and adding a group replaces the file; secrets in /etc are readable by root only. */
static const struct {
    const char *path;
    unsigned rights;
    bool network; /* needed only with [daemon] network=yes */
} common_paths[] = {
    { "/etc", LANDLOCK_READ, false },
    { "/lib", LANDLOCK_READ, false }, /* name service modules, verifiers */
    { "/lib64", LANDLOCK_READ, false },
    { "/usr/lib", LANDLOCK_READ, false },
    { "/usr/lib64", LANDLOCK_READ, false },
    { "/usr/local/lib", LANDLOCK_READ, false },
    { "/usr/share/p11-kit", LANDLOCK_READ | LANDLOCK_LIST, false },
    { "/run/systemd/userdb", LANDLOCK_READ | LANDLOCK_LIST, false },
    { "/var/lib/sss/mc", LANDLOCK_READ, false },
    { "/dev/null", LANDLOCK_READ, false },
    { "/dev/urandom", LANDLOCK_READ, false },
    { "/proc/sys/kernel/random/boot_id", LANDLOCK_READ, false },
    { "/etc/ssl/certs", LANDLOCK_READ | LANDLOCK_LIST, true },
    { "/usr/share/ca-certificates", LANDLOCK_READ, true },
    { "/usr/local/share/ca-certificates", LANDLOCK_READ, true },
    { "/run/systemd/resolve", LANDLOCK_READ, true },
#if JETON_SANITIZED
    { "/proc", LANDLOCK_READ | LANDLOCK_LIST, false },
#endif
};

static void allow_common_paths(struct landlock *l, bool network);
static void allow_configured(struct landlock *l, const struct config *c);
static void log_missing(const char *what, int error);

/* Protect the process's memory from others, and after its end: token values pass through it. */
void sandbox_secrets(void)
{
    const struct rlimit none = { 0, 0 };

    umask(0077);
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_KEEPCAPS, 0);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        log_warning("sandbox: no_new_privs cannot be set: %s", strerror(errno));
#ifndef __SANITIZE_ADDRESS__ /* its leak detector attaches to the process */
    prctl(PR_SET_DUMPABLE, 0);
#endif
}

/* -- files ----------------------------------------------------------------------------------- */

/* Log a failure here: where the path is used later, only EACCES would be seen. */
static void allow(struct landlock *l, const char *path, unsigned rights)
{
    int error = landlock_allow(l, path, rights);

    if (error < 0)
        log_warning("sandbox: Landlock cannot allow %s: %s", path, strerror(-error));
}

static void allow_common_paths(struct landlock *l, bool network)
{
    for (size_t i = 0; i < sizeof(common_paths) / sizeof(common_paths[0]); i++)
        if (network || !common_paths[i].network)
            allow(l, common_paths[i].path, common_paths[i].rights);
}

/* Allow the directory of a path and, if the path is a symbolic link, that of its target. */
static void allow_directory_of(struct landlock *l, const char *path, unsigned rights)
{
    char copy[PATH_MAX];
    char *real = realpath(path, NULL);

    snprintf(copy, sizeof(copy), "%s", path);
    allow(l, dirname(copy), rights);
    if (real != NULL)
        allow(l, dirname(real), rights);
    free(real);
}

/* Allow the files that a verifier's arguments name, because SIGHUP loads verifiers again: every
 * word that begins with a slash is taken for a path. */
static void allow_paths_in(struct landlock *l, const char *arguments)
{
    static const char separators[] = " \t=\"'";
    char path[PATH_MAX];

    for (const char *at = arguments + strspn(arguments, separators); *at != '\0';
         at += strspn(at, separators)) {
        size_t len = strcspn(at, separators);
        if (*at == '/' && len < sizeof(path)) {
            memcpy(path, at, len);
            path[len] = '\0';
            allow_directory_of(l, path, LANDLOCK_READ);
        }
        at += len;
    }
}

static void allow_verifiers(struct landlock *l, const struct config *c)
{
    const struct service_configs *s = &c->services;

    allow(l, c->verifiers, LANDLOCK_READ);
    for (size_t i = 0; i < s->count; i++)
        for (size_t n = 0; n < s->section[i].steps; n++)
            allow_paths_in(l, service_config_text(s, &s->section[i].step[n]));
}

static void allow_configured(struct landlock *l, const struct config *c)
{
    allow_verifiers(l, c);
    allow_directory_of(l, c->store, LANDLOCK_WRITE);
    if (c->file[0] != '\0')
        allow_directory_of(l, c->file, LANDLOCK_READ);
    for (int role = 0; role < ROLES; role++)
        for (unsigned i = 0; i < c->role[role].paths; i++)
            allow_directory_of(l, c->role[role].path[i], LANDLOCK_REMOVE);
}

void sandbox_files(const struct config *c)
{
    struct landlock l;

    if (!c->sandbox)
        return;
    int error = landlock_begin(&l, c->network);
    if (error == 0) {
        allow_common_paths(&l, c->network);
        if (c->logins)
            allow(&l, "/proc", LANDLOCK_READ);
        allow_configured(&l, c);
        error = landlock_enter(&l);
    }
    landlock_end(&l);
    if (error == 0)
        atomic_store(&landlock_abi, (unsigned)l.abi);
    else
        log_missing("Landlock", error);
}

/* -- system calls ---------------------------------------------------------------------------- */

static enum seccomp_connections connections_for(const struct config *c, bool connects)
{
    if (c->network)
        return SECCOMP_NETWORK;
    return connects || name_service_connects() ? SECCOMP_LOCAL_CONNECTIONS : SECCOMP_NO_CONNECTIONS;
}

void sandbox_calls(const struct config *c, bool connects)
{
    static const int reaches[] = {
        [SECCOMP_NO_CONNECTIONS] = SANDBOX_NOBODY,
        [SECCOMP_LOCAL_CONNECTIONS] = SANDBOX_UNIX_SOCKETS,
        [SECCOMP_NETWORK] = SANDBOX_NETWORK,
    };

    if (!c->sandbox)
        return;
    enum seccomp_connections connections = connections_for(c, connects);
    int error = seccomp_confine(connections);
    if (error < 0) {
        log_missing("a system call filter", error);
        connections = c->network ? SECCOMP_NETWORK : SECCOMP_LOCAL_CONNECTIONS;
    }
    atomic_store(&reach, reaches[connections]);
}

enum sandbox_reach sandbox_reach(void)
{
    return (enum sandbox_reach)atomic_load(&reach);
}

/* Log at info level what the kernel does not support, as a warning what failed although it does. */
static void log_missing(const char *what, int error)
{
    if (error == -ENOSYS || error == -EOPNOTSUPP)
        log_info("sandbox: not protected by %s: %s", what, strerror(-error));
    else
        log_warning("sandbox: not protected by %s: %s", what, strerror(-error));
}

/* -- protections in force --------------------------------------------------------------------- */

struct protections sandbox_protections(void)
{
    uid_t real, effective, saved;

    return (struct protections){
        .no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1,
        .seccomp = prctl(PR_GET_SECCOMP, 0, 0, 0, 0) > 0,
        .not_dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0,
        .unprivileged = getresuid(&real, &effective, &saved) == 0 && real != 0 && effective != 0 &&
                        saved != 0,
        .landlock_abi = atomic_load(&landlock_abi),
    };
}
