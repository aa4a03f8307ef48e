/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/web/peer.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugin/web/peer_diag.h"
#include "plugin/web/peer_table.h"
#include "proto/text.h"

enum { OWNERS_MAX = 4 };

static uid_t owner[OWNERS_MAX];
static unsigned owners;
static enum peer_sight sight = PEER_HIDDEN;

static void add_owner(const char *text)
{
    uint64_t uid;

    /* 4294967295: nobody logged in. */
    if (text != NULL && owners < OWNERS_MAX &&
        number_parse((struct slice){ text, strcspn(text, "\n") }, UINT32_MAX - 1, &uid))
        owner[owners++] = (uid_t)uid;
}

static void add_login(void)
{
    char text[16];
    FILE *file = fopen("/proc/self/loginuid", "re");

    if (file == NULL)
        return;
    if (fgets(text, sizeof(text), file) != NULL)
        add_owner(text);
    fclose(file);
}

static bool is_local(int fd)
{
    union peer_end own;
    socklen_t len = sizeof(own);

    return getsockname(fd, &own.any, &len) == 0 && own.any.sa_family == AF_UNIX;
}

enum peer_sight peer_open(int listener)
{
    owner[owners++] = geteuid();
    owner[owners++] = 0;
    add_owner(getenv("SUDO_UID"));
    add_login();
    if (is_local(listener) || peer_diag_open(listener))
        sight = PEER_EXACT;
    else
        sight = peer_table_open() ? PEER_TABLE : PEER_HIDDEN;
    return sight;
}

static bool find_tcp(int fd, const union peer_end *own, uid_t *uid)
{
    union peer_end peer;
    socklen_t len = sizeof(peer);

    if (getpeername(fd, &peer.any, &len) < 0)
        return false;
    return sight == PEER_EXACT ? peer_diag_find(&peer, own, uid) :
                                 sight == PEER_TABLE && peer_table_find(&peer, own, uid);
}

static bool find_uid(int fd, uid_t *uid)
{
    struct ucred credentials;
    socklen_t len = sizeof(credentials);
    union peer_end own;
    socklen_t own_len = sizeof(own);

    if (getsockname(fd, &own.any, &own_len) < 0)
        return false;
    if (own.any.sa_family != AF_UNIX)
        return find_tcp(fd, &own, uid);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &len) < 0)
        return false;
    *uid = credentials.uid;
    return true;
}

bool peer_is_allowed(int fd, uid_t *uid)
{
    if (!find_uid(fd, uid)) {
        *uid = (uid_t)-1;
        return sight == PEER_HIDDEN;
    }
    for (unsigned i = 0; i < owners; i++)
        if (owner[i] == *uid)
            return true;
    return false;
}

bool peer_is_cheap(void)
{
    return sight == PEER_EXACT;
}
