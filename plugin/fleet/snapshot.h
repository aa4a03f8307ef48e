/* SPDX-License-Identifier: Apache-2.0 */
/* Take all tokens of this host's groups anew, as of one moment: for a host that has nothing yet, or whose place the
 * database does not have any more.  Rows become parts of a batch; jetond and the database each wait for the
 * other.  One thread. */
#ifndef JETON_PLUGIN_FLEET_SNAPSHOT_H
#define JETON_PLUGIN_FLEET_SNAPSHOT_H

#include "plugin/fleet/context.h"

/* Make the memory for it; false: there is none. */
bool snapshot_open(struct context *c);
void snapshot_close(struct context *c);

void snapshot_begin(struct context *c);

/* The mode ends: drop what was not sent. */
void snapshot_end(struct context *c);

#endif
