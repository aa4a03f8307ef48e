/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/socket_path.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugin/cli/message.h"

static const char *const defaults[] = {
    [ROLE_VERIFY] = "/run/jeton/verify.sock",
    [ROLE_OBSERVE] = "/run/jeton/observe.sock",
    [ROLE_ADMIN] = "/run/jeton/admin.sock",
    [ROLE_SELF] = "/run/jeton/self.sock",
};

/* In the order in which they are tried. */
static const enum role order[] = { ROLE_ADMIN, ROLE_SELF, ROLE_OBSERVE, ROLE_VERIFY };

static void explain(const struct cli_connection *conn, const char *path, int error,
                    enum role missing);

static int open_one(struct cli_connection *conn, const char *path)
{
    int error = cli_connection_open(conn, path);

    if (error != 0)
        explain(conn, path, error, ROLE_ADMIN);
    return error;
}

/* True if there may be a socket of a lower role.  A server that is not trusted is reported. */
static bool may_try_next(const struct cli_connection *conn, int error)
{
    return conn->distrust[0] == '\0' && (error == -ENOENT || error == -EACCES);
}

static bool grants(enum role socket, const struct cli_socket_need *need)
{
    return socket == ROLE_SELF ? request_grants_keys(socket, need->verb, need->keys) :
                                 socket >= need->role;
}

/* If none of the default sockets can be used, report the one of the lowest role that exists, as
 * access to that one is enough. */
int cli_socket_path_open(struct cli_connection *conn, const char *given,
                         const struct cli_socket_need *need, const char **path)
{
    const char *named = given != NULL ? given : getenv("JETON_SOCKET");
    int error = -ENOENT, reported = -ENOENT;

    *path = named;
    if (named != NULL && named[0] != '\0')
        return open_one(conn, named);
    *path = defaults[ROLE_ADMIN];
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]) && may_try_next(conn, error); i++) {
        int tried = grants(order[i], need) ? cli_connection_open(conn, defaults[order[i]]) :
                                             -ENOENT;
        if (tried == -ENOENT)
            continue;
        error = tried;
        *path = defaults[order[i]];
        reported = error;
    }
    if (error == 0)
        return 0;
    bool none_of_role = *path != defaults[need->role] && access(defaults[need->role], F_OK) != 0;
    explain(conn, *path, reported, none_of_role ? need->role : ROLE_ADMIN);
    return reported;
}

/* Explain who may connect, as far as the file shows it. */
static void explain_access(const char *path, char *advice, size_t size)
{
    struct stat st;

    if (stat(path, &st) < 0) {
        snprintf(advice, size, "You may not search a directory on its path.");
        return;
    }
    /* nobody is to be added to root's group */
    const struct group *group = st.st_gid != 0 ? getgrgid(st.st_gid) : NULL;
    if (group != NULL && (st.st_mode & S_IWGRP) != 0)
        snprintf(advice, size,
                 "Root and the members of group %s may use it: ask an administrator to add you "
                 "to the group, then log in again.",
                 group->gr_name);
    else if (st.st_uid == 0 && st.st_gid == 0)
        snprintf(advice, size, "Only root may use it.");
    else
        snprintf(advice, size, "Neither you nor any of your groups may use it.");
}

/* Explain a failure.  If a socket of a lower role would do and there is none, that is `missing`:
 * whoever may use such a socket is not advised to become an administrator. */
static void explain(const struct cli_connection *conn, const char *path, int error,
                    enum role missing)
{
    char advice[512] = "";

    if (conn->distrust[0] != '\0') {
        cli_message(
            "will not use %s: %s\nAnother program could serve there in place of jetond; see "
            "libjeton(3), \"Which sockets are trusted\".",
            path, conn->distrust);
        return;
    }
    if (error == -ENOENT)
        snprintf(advice, sizeof(advice),
                 "The socket does not exist: is jetond running?  If it listens elsewhere, name the "
                 "socket with -S or in JETON_SOCKET.");
    else if (error == -ECONNREFUSED)
        snprintf(advice, sizeof(advice), "No process listens there: is jetond running?");
    else if (error == -EACCES && missing != ROLE_ADMIN)
        snprintf(advice, sizeof(advice),
                 "%s would do, but does not exist: ask an administrator to start it, under systemd "
                 "with systemctl enable --now jetond-%s.socket.",
                 defaults[missing], role_name(missing));
    else if (error == -EACCES || error == -EPERM)
        explain_access(path, advice, sizeof(advice));
    cli_message("cannot connect to %s: %s%s%s", path, cli_connection_strerror(error),
                advice[0] != '\0' ? "\n" : "", advice);
}
