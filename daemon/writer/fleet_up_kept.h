/* SPDX-License-Identifier: Apache-2.0 */
/* What was denied on this host, and what the fleet's feed brings of it: a disable, and the end of a rotated token, hold
 * against all that is older.  They are newer than everything before their place in the fleet's history; before
 * the database has answered, than everything that can come.  So a request of either kind is kept when it is answered, until
 * the feed has come to its place.  The writer's thread only. */
#ifndef JETON_DAEMON_WRITER_FLEET_UP_KEPT_H
#define JETON_DAEMON_WRITER_FLEET_UP_KEPT_H

#include "daemon/writer/fleet_up_state.h"

/* Let what was denied here hold against an entry that tells of a change at this serial, or before it; UINT64_MAX: against
 * what is in the database now, so that only what that has not confirmed is newer. */
void fleet_up_kept_hold(const struct fleet_up *u, struct fleet_entry *comes, uint64_t serial);

/* Keep an answered request of such a kind, which is in no queue, but still found, if the feed is not yet at its
 * place.  False: it is of no more use. */
bool fleet_up_kept_add(struct fleet_up *u, struct fleet_up_request *r, uint64_t here);

/* Free those to whose places the feed has come; UINT64_MAX: all. */
void fleet_up_kept_pass(struct fleet_up *u, uint64_t here);

#endif
