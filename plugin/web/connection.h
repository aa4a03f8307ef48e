/* SPDX-License-Identifier: Apache-2.0 */
/* A connection of a browser: one request, one response. */
#ifndef JETON_PLUGIN_WEB_CONNECTION_H
#define JETON_PLUGIN_WEB_CONNECTION_H

#include "plugin/web/context.h"

enum {
    CONNECTION_OPEN_MAX = 128, /* connections that have not shown the secret */
    CONNECTION_ADMITTED_MAX = 64,
    CONNECTION_HELD_MAX = 32,
};

/* Take over an accepted descriptor.  If there are too many that have not shown the secret, the oldest of
 * them ends: nobody can take all places. */
void connection_new(struct context *context, int fd);

/* End what takes too long, and go on with what is due. */
void connection_tick(struct context *context);

void connection_close_all(struct context *context);

#endif
