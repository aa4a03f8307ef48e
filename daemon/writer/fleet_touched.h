/* SPDX-License-Identifier: Apache-2.0 */
/* List the fleet's tokens that were used on this host since they were all listed last: `fleet touched`.  The writer's
 * thread only.
 *
 * The list may be read in parts, from a position on, which is a slot of the table; when the table has grown meanwhile,
 * some tokens may come twice.  What was used before the daemon started is not news. */
#ifndef JETON_DAEMON_WRITER_FLEET_TOUCHED_H
#define JETON_DAEMON_WRITER_FLEET_TOUCHED_H

#include "daemon/writer/fleet_request.h"
#include "daemon/writer/scan_step.h"

/* Read a position.  False: it is none. */
bool fleet_touched_read(struct fleet_request *r, struct slice position);

void fleet_touched_step(struct step *s, struct fleet_request *r);

#endif
