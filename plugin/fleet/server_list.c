/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/fleet/server_list.h"

#include <stdio.h>
#include <string.h>

const char *const server_list_keyword[SERVER_LIST_KINDS] = { "host", "hostaddr", "port" };

void server_list_take(struct server_list *l, PGconn *conn)
{
    PQconninfoOption *options = PQconninfo(conn);

    for (const PQconninfoOption *o = options; o != NULL && o->keyword != NULL; o++)
        for (int k = 0; k < SERVER_LIST_KINDS; k++)
            if (strcmp(o->keyword, server_list_keyword[k]) == 0 && o->val != NULL &&
                strlen(o->val) < SERVER_LIST_SIZE)
                strcpy(l->text[k], o->val);
    PQconninfoFree(options);
}

void server_list_rotate(struct server_list *l)
{
    char rotated[SERVER_LIST_SIZE];

    for (int k = 0; k < SERVER_LIST_KINDS; k++) {
        const char *comma = strchr(l->text[k], ',');
        if (comma == NULL)
            continue;
        snprintf(rotated, sizeof(rotated), "%s,%.*s", comma + 1, (int)(comma - l->text[k]),
                 l->text[k]);
        strcpy(l->text[k], rotated);
    }
    l->first++;
}
