/* SPDX-License-Identifier: Apache-2.0 */
/* The host's place is not in the database's history: after a failover that lost changes, a restore, or as this is another
 * database.  Find the newest place that both have, and go on from there; if there is none, take a snapshot.
 * One thread. */
#ifndef JETON_PLUGIN_FLEET_REWIND_H
#define JETON_PLUGIN_FLEET_REWIND_H

#include "plugin/fleet/context.h"

/* Make the memory for it; false: there is none. */
bool rewind_open(struct context *c);
void rewind_close(struct context *c);

void rewind_begin(struct context *c);

#endif
