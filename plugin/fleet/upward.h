/* SPDX-License-Identifier: Apache-2.0 */
/* Changes for the database: asked for on this host, made in the database, answered when it has committed them.  They come over
 * a connection of their own, by `fleet take`, and are made in the order in which they came: what came while
 * one transaction was under way is the next one.  One thread. */
#ifndef JETON_PLUGIN_FLEET_UPWARD_H
#define JETON_PLUGIN_FLEET_UPWARD_H

#include "plugin/fleet/context.h"

/* Make what it needs; false: no memory. */
bool upward_open(struct context *c);
void upward_close(struct context *c);

/* Connect to jetond. */
void upward_start(struct context *c);

/* The database can be asked again. */
void upward_database_up(struct context *c);

/* The other connection to jetond has ended: so does this one, and what has no answer is offered again. */
void upward_link_down(struct context *c);

/* Do what is due; `now` is in monotonic milliseconds. */
void upward_tick(struct context *c, int64_t now);

#endif
