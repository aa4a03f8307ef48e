/* SPDX-License-Identifier: Apache-2.0 */
/* Accept the connections of browsers. */
#ifndef JETON_PLUGIN_WEB_LISTENER_H
#define JETON_PLUGIN_WEB_LISTENER_H

#include "plugin/web/connection.h"

struct listener {
    struct context *context;
    struct event *event;
    int fd;
    bool paused; /* out of descriptors; until the next tick */
};

bool listener_start(struct listener *l, struct context *context, int fd);
void listener_tick(struct listener *l);
void listener_close(struct listener *l);

#endif
