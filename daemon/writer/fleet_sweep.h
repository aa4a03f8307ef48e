/* SPDX-License-Identifier: Apache-2.0 */
/* Take back what a snapshot brought which was given up: bring indexes and table into agreement with the cache.  What
 * is denied stays denied.  The writer's thread only. */
#ifndef JETON_DAEMON_WRITER_FLEET_SWEEP_H
#define JETON_DAEMON_WRITER_FLEET_SWEEP_H

#include "daemon/writer/writer_state.h"

/* Go on; false: there is nothing to be done (any more). */
bool fleet_sweep_step(struct writer *w);

#endif
