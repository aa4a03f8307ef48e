/* SPDX-License-Identifier: Apache-2.0 */
/* The servers that a connection string names, as libpq's lists with commas.  libpq tries them in order, and stays
 * with the first that answers; to try the others, the lists are rotated.  One thread. */
#ifndef JETON_PLUGIN_FLEET_SERVER_LIST_H
#define JETON_PLUGIN_FLEET_SERVER_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "plugin/fleet/resolver.h"

enum server_list_kind { SERVER_HOST, SERVER_HOSTADDR, SERVER_PORT, SERVER_LIST_KINDS };

enum { SERVER_LIST_SIZE = 2048, SERVER_ADDRESSES_SIZE = 8192 };

extern const char *const server_list_keyword[SERVER_LIST_KINDS]; /* of libpq */

struct server_list {
    unsigned first;                                 /* how far the lists are rotated */
    char text[SERVER_LIST_KINDS][SERVER_LIST_SIZE]; /* "": not given; rotated by `first` */
};

/* The lists with an address for each name: libpq need look none up, and compares certificates with the names.  A
 * name with several addresses is there several times; another of them comes first each time that all servers were. */
struct server_addresses {
    bool any;   /* there is a server */
    bool waits; /* a name has no answer yet */
    bool given; /* the lists are to be given to libpq; otherwise there is no name in them */
    char missing[RESOLVER_NAME_SIZE]; /* a name without an address, or "" */
    char why[128];                    /* ... and why */
    char text[SERVER_LIST_KINDS][SERVER_ADDRESSES_SIZE];
};

/* Read the lists as libpq does for a connection string: from that, services, the environment and defaults.  They stay as far
 * rotated as they were; at first, `first` is 0. */
void server_list_read(struct server_list *l, const char *conninfo);

/* True if a server of a connection string is on the network, and its certificate is not compared with its name
 * (sslmode=verify-full): then anybody on the way may be the database.  Names of this machine are not of the network. */
bool server_list_is_unproven(const char *conninfo);

/* Begin with the next server of the lists. */
void server_list_rotate(struct server_list *l);

/* Ask the resolver for each name. */
void server_list_resolve(const struct server_list *l, struct resolver *r);

/* Put in what it has answered; servers whose names have no address are left out. */
void server_list_addresses(const struct server_list *l, const struct resolver *r,
                           struct server_addresses *a);

#endif
