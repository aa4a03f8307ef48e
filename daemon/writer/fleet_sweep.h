/* SPDX-License-Identifier: Apache-2.0 */
/* Take back tokens that a snapshot brought which was given up: those that indexes and table have and the cache has
 * not.  What they deny stays denied.  The writer's thread only. */
#ifndef JETON_DAEMON_WRITER_FLEET_SWEEP_H
#define JETON_DAEMON_WRITER_FLEET_SWEEP_H

#include "daemon/writer/writer_state.h"

/* Go on; false: there is nothing to be done (any more). */
bool fleet_sweep_step(struct writer *w);

#endif
