/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/web/peer.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/text.h"

enum { OWNERS_MAX = 4, LINE_SIZE = 512, ADDRESS_TEXT = 64, TRIES = 3 };

static uid_t owner[OWNERS_MAX];
static unsigned owners;
static FILE *table[2]; /* /proc/net/tcp, tcp6 */

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

bool peer_open(void)
{
    owner[owners++] = geteuid();
    owner[owners++] = 0;
    add_owner(getenv("SUDO_UID"));
    add_login();
    table[0] = fopen("/proc/net/tcp", "re");
    table[1] = fopen("/proc/net/tcp6", "re");
    return table[0] != NULL;
}

/* The end of a connection. */
union end {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
    struct sockaddr_storage space;
};

/* Write an address as the kernel does: its words in hexadecimal, as this machine reads them. */
static void put_address(struct text *t, const union end *end)
{
    uint32_t word[4];

    if (end->any.sa_family == AF_INET) {
        text_addf(t, "%08X:%04X", (unsigned)end->four.sin_addr.s_addr, ntohs(end->four.sin_port));
        return;
    }
    memcpy(word, &end->six.sin6_addr, sizeof(word));
    text_addf(t, "%08X%08X%08X%08X:%04X", (unsigned)word[0], (unsigned)word[1], (unsigned)word[2],
              (unsigned)word[3], ntohs(end->six.sin6_port));
}

/* Turn an IPv4 address into the form that a program has which uses IPv6 sockets for both. */
static void map_address(union end *end)
{
    const struct sockaddr_in four = end->four;

    end->six = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = four.sin_port };
    end->six.sin6_addr.s6_addr[10] = end->six.sin6_addr.s6_addr[11] = 0xff;
    memcpy(end->six.sin6_addr.s6_addr + 12, &four.sin_addr, sizeof(four.sin_addr));
}

/* Find the peer's end in a table.  An end without an inode belongs to no process any more. */
static bool find(FILE *file, const union end *peer, const union end *own, uid_t *uid)
{
    char ends[2 * ADDRESS_TEXT], line[LINE_SIZE];
    struct text t = text_in(ends, sizeof(ends) - 1);
    unsigned found;
    unsigned long inode;

    put_address(&t, peer);
    text_addc(&t, ' ');
    put_address(&t, own);
    text_addc(&t, ' ');
    ends[t.len] = '\0';
    rewind(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        const char *at = strstr(line, ends);
        if (at == NULL ||
            sscanf(at + t.len, "%*x %*x:%*x %*x:%*x %*x %u %*d %lu", &found, &inode) != 2 ||
            inode == 0)
            continue;
        *uid = found;
        return true;
    }
    return false;
}

static bool find_tcp(union end *peer, union end *own, uid_t *uid)
{
    if (peer->any.sa_family == AF_INET) {
        if (table[0] != NULL && find(table[0], peer, own, uid))
            return true;
        map_address(peer);
        map_address(own);
    }
    return table[1] != NULL && find(table[1], peer, own, uid);
}

static bool find_uid(int fd, uid_t *uid)
{
    union end peer, own;
    socklen_t peer_len = sizeof(peer), own_len = sizeof(own);
    struct ucred credentials;
    socklen_t len = sizeof(credentials);

    if (getpeername(fd, &peer.any, &peer_len) < 0 || getsockname(fd, &own.any, &own_len) < 0)
        return false;
    if (own.any.sa_family != AF_UNIX)
        return find_tcp(&peer, &own, uid);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &len) < 0)
        return false;
    *uid = credentials.uid;
    return true;
}

bool peer_is_allowed(int fd, uid_t *uid)
{
    bool found = false;

    /* A table that changes while it is read can lack a line. */
    for (int i = 0; i < TRIES && !found; i++)
        found = find_uid(fd, uid);
    if (!found) {
        *uid = (uid_t)-1;
        return table[0] == NULL;
    }
    for (unsigned i = 0; i < owners; i++)
        if (owner[i] == *uid)
            return true;
    return false;
}
