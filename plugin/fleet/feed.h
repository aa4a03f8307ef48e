/* SPDX-License-Identifier: Apache-2.0 */
/* Follow the changes of the database: a page of them, from the last one that the host has, that one included.  If
 * the first row is not that one, the host's place is in another history: MODE_REWIND.  One thread. */
#ifndef JETON_PLUGIN_FLEET_FEED_H
#define JETON_PLUGIN_FLEET_FEED_H

#include "plugin/fleet/context.h"

/* Begin at the context's place. */
void feed_begin(struct context *c);

/* There may be something new. */
void feed_wake(struct context *c);

#endif
