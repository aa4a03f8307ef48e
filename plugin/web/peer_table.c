/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/web/peer_table.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "proto/text.h"

enum { LINE_SIZE = 512, ADDRESS_TEXT = 64, TRIES = 3 };

static FILE *table[2]; /* /proc/net/tcp, tcp6 */

bool peer_table_open(void)
{
    table[0] = fopen("/proc/net/tcp", "re");
    table[1] = fopen("/proc/net/tcp6", "re");
    return table[0] != NULL;
}

/* Write an address as the kernel does: its words in hexadecimal, as this machine reads them. */
static void put_address(struct text *t, const union peer_end *end)
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
static void map_address(union peer_end *end)
{
    const struct sockaddr_in four = end->four;

    end->six = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = four.sin_port };
    end->six.sin6_addr.s6_addr[10] = end->six.sin6_addr.s6_addr[11] = 0xff;
    memcpy(end->six.sin6_addr.s6_addr + 12, &four.sin_addr, sizeof(four.sin_addr));
}

/* Find the peer's end in a table.  An end without an inode belongs to no process any more. */
static bool find(FILE *file, const union peer_end *peer, const union peer_end *own, uid_t *uid)
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

static bool find_once(union peer_end peer, union peer_end own, uid_t *uid)
{
    if (peer.any.sa_family == AF_INET) {
        if (find(table[0], &peer, &own, uid))
            return true;
        map_address(&peer);
        map_address(&own);
    }
    return table[1] != NULL && find(table[1], &peer, &own, uid);
}

/* A table that changes while it is read can lack a line. */
bool peer_table_find(const union peer_end *peer, const union peer_end *own, uid_t *uid)
{
    bool found = false;

    for (int i = 0; i < TRIES && !found; i++)
        found = find_once(*peer, *own, uid);
    return found;
}
