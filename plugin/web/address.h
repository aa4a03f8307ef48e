/* SPDX-License-Identifier: Apache-2.0 */
/* Where browsers find the page: a port on loopback, or a Unix socket for a proxy or ssh. */
#ifndef JETON_PLUGIN_WEB_ADDRESS_H
#define JETON_PLUGIN_WEB_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/un.h>

struct address {
    union {
        struct sockaddr any;
        struct sockaddr_in four;
        struct sockaddr_in6 six;
        struct sockaddr_un local;
    };
    socklen_t len;
    dev_t device; /* of the Unix socket that was made */
    ino_t inode;
};

/* Take "127.0.0.1:PORT", "[::1]:PORT" or the path of a Unix socket; return NULL, or what is wrong. */
const char *address_parse(const char *text, struct address *address);

/* Listen; the port, if it was 0, is then known.  Return the descriptor, or -errno. */
int address_listen(struct address *address);

/* Remove the Unix socket, if it is still the one that was made. */
void address_remove(const struct address *address);

bool address_is_local(const struct address *address);

/* The host as an origin has it, and the port, of a TCP address. */
const char *address_host(const struct address *address);
unsigned address_port(const struct address *address);

#endif
