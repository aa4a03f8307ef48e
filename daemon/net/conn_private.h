/* SPDX-License-Identifier: Apache-2.0 */
/* What a connection consists of; for conn.c, and for shed.c to choose among them. */
#ifndef JETON_DAEMON_NET_CONN_PRIVATE_H
#define JETON_DAEMON_NET_CONN_PRIVATE_H

#include "daemon/session/session.h"
#include "daemon/net/watched.h"

struct conn {
    struct session session; /* first: a session is its connection */
    struct mail mail;
    struct watched read;
    struct watched write;
    int64_t active;         /* when bytes last moved, in or out */
    int64_t partial_since;  /* since when there is a partial line; 0: none */
    unsigned partial_after; /* lines that ended before it */
    struct conn *next;
    struct conn **link; /* the pointer to it in the list */
    int reads;          /* in this turn */
};

#endif
