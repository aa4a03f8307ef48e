/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/socket_trust.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static int refuse(struct socket_trust_fault *fault, size_t len, int error, const char *why)
{
    *fault = (struct socket_trust_fault){ len, why };
    return -error;
}

/* Check what the path leads to, in a directory that others can write to (sticky) or not. */
static const char *entry_fault(const struct stat *st, bool last, bool sticky, uid_t server,
                               uid_t self, int *error)
{
    *error = S_ISLNK(st->st_mode) ? ELOOP : last ? ENOTSOCK : ENOTDIR;
    if (S_ISLNK(st->st_mode))
        return "is a symbolic link";
    if (last ? !S_ISSOCK(st->st_mode) : !S_ISDIR(st->st_mode))
        return last ? "is not a socket" : "is not a directory";
    *error = EPERM;
    if (st->st_uid == 0 || st->st_uid == self)
        return NULL;
    if (sticky)
        return "lies in a directory that others can write to, and belongs neither to root nor to "
               "the client";
    return st->st_uid == server ? NULL :
                                  "belongs neither to root, nor to the client, nor to the server";
}

int socket_trust_check(char *path, uid_t server, uid_t self, socket_trust_lstat *lstat,
                       struct socket_trust_fault *fault)
{
    bool last = false, sticky = false;
    size_t end = 1;
    struct stat st;
    int error;

    for (size_t len = 1; !last; len += strcspn(path + len, "/")) {
        char next = path[len];
        end = len;
        last = next == '\0';
        path[len] = '\0';
        int found = lstat(path, &st);
        path[len] = next;
        if (found < 0)
            return refuse(fault, end, errno, strerror(errno));
        const char *why = entry_fault(&st, last, sticky, server, self, &error);
        if (why != NULL)
            return refuse(fault, end, error, why);
        sticky = (st.st_mode & (S_IWGRP | S_IWOTH)) != 0;
        if (!last && sticky && !(st.st_mode & S_ISVTX))
            return refuse(fault, end, EPERM, "can be written by group or others");
        len += strspn(path + len, "/");
    }
    if (server == 0 || server == self || server == st.st_uid)
        return 0;
    return refuse(fault, end, EPERM,
                  "is served neither by root, nor by the client, nor by its owner");
}

const char *socket_trust_error_text(int error)
{
    switch (error) {
    case -EPERM:
        return "it is not to be trusted: others than root and the daemon could have put it there";
    case -ELOOP:
        return "a symbolic link is on its path";
    case -EACCES:
        return "this process may not connect to it";
    default:
        return strerror(-error);
    }
}
