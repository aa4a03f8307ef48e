/* SPDX-License-Identifier: Apache-2.0 */
/* Load what the host has of its fleet, as a start does: before there is any other thread. */
#ifndef JETON_DAEMON_WRITER_FLEET_LOAD_H
#define JETON_DAEMON_WRITER_FLEET_LOAD_H

#include "daemon/writer/writer_state.h"

/* Make an initialised writer that of a host in a fleet, and load the cache beside its store into table and index; a new
 * cache has a log of so many bytes.  One that is damaged is set aside with an error in the log: the host then has no
 * tokens of the fleet, is at no place, and is given no lease before the agent has brought a snapshot.  False: *problem
 * says why nothing can go on. */
bool fleet_load(struct writer *w, const char *store, uint64_t log_size, struct problem *problem);

/* Load what was dropped into the table's bans, which it has begun to keep.  False: *problem. */
bool fleet_load_bans(struct writer *w, struct problem *problem);

/* Warn that there is a cache beside a store whose host is in no fleet. */
void fleet_load_warn_unused(const char *store);

#endif
