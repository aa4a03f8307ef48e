/* SPDX-License-Identifier: Apache-2.0 */
/* What is to be done for the fleet without being asked.  The writer's thread only; nothing happens on a host that is in
 * no fleet. */
#ifndef JETON_DAEMON_WRITER_FLEET_UPKEEP_H
#define JETON_DAEMON_WRITER_FLEET_UPKEEP_H

#include "daemon/writer/writer_state.h"

/* Between two batches: give up a snapshot that nobody brings any more, and take back what it brought.  True: there is
 * more to do. */
bool fleet_upkeep_step(struct writer *w);

/* About once a second: compaction of the cache, commits that failed, the journal's entry. */
void fleet_upkeep_chores(struct writer *w);

#endif
