/* SPDX-License-Identifier: Apache-2.0 */
/* The servers that a connection string names, as libpq's lists with commas.  libpq tries them in order, and stays
 * with the first that answers; to try the others, the lists are rotated.  One thread. */
#ifndef JETON_PLUGIN_FLEET_SERVER_LIST_H
#define JETON_PLUGIN_FLEET_SERVER_LIST_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

enum { SERVER_LIST_KINDS = 3, SERVER_LIST_SIZE = 2048 };

extern const char *const server_list_keyword[SERVER_LIST_KINDS]; /* host, hostaddr, port */

struct server_list {
    unsigned first;                                 /* how far the lists are rotated */
    char text[SERVER_LIST_KINDS][SERVER_LIST_SIZE]; /* "": not given; rotated by `first` */
};

/* Take the lists of a connection that was begun with rotated ones, or with none. */
void server_list_take(struct server_list *l, PGconn *conn);

/* Begin with the next server of the lists. */
void server_list_rotate(struct server_list *l);

#endif
