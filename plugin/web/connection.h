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

/* Take over an accepted descriptor.  If there are too many that have not shown the secret, one of them
 * ends: the oldest of another user, as far as that is known, or else the oldest.  So nobody can take all
 * places, nor have those of the owner ended. */
void connection_new(struct context *context, int fd);

/* End what takes too long, and go on with what is due. */
void connection_tick(struct context *context);

/* Note that somebody did something then.  It does not count when the end was due before. */
void connection_note_use(struct context *context, int64_t when);

/* True if nobody has used the page for so long that the process is to end. */
bool connection_is_late(const struct context *context, int64_t now);

void connection_close_all(struct context *context);

#endif
