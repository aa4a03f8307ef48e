/* SPDX-License-Identifier: Apache-2.0 */
/* Apply what the fleet's agent delivers.  The writer's thread only.
 *
 *     denials take effect ─▶ what each change makes of its token is staged ─▶ memory is reserved ─▶ the cache
 *     is saved ─▶ the rest is published ─▶ answer
 *
 * A delivery that cannot be saved changes nothing, but denials stay in force: whoever brings it again finds them so. */
#ifndef JETON_DAEMON_WRITER_FLEET_APPLY_H
#define JETON_DAEMON_WRITER_FLEET_APPLY_H

#include "daemon/writer/fleet_request.h"
#include "daemon/writer/writer_state.h"

/* Apply the delivery of a `fleet end`.  Not STATUS_OK: *problem says why nothing was changed; a snapshot that it is a
 * part of is given up. */
enum status fleet_apply_delivery(struct writer *w, const struct fleet_request *r,
                                 struct problem *problem);

/* Apply what one token shall be (`deleted`: dropped) beside all deliveries: its denial takes effect, it is merged
 * with what there is, and staged until fleet_apply_commit().  0; -EEXIST: it is a token of this host alone, or
 * another one with the same id; or -errno: only the denial has taken effect. */
int fleet_apply_entry(struct writer *w, const struct fleet_entry *comes);

/* Commit what is staged, and publish it.  0, or -errno: it is in the table, as the database has it, and else published
 * if it turns out to be saved (fleet_apply_settle()). */
int fleet_apply_commit(struct writer *w);

/* Find out whether a commit that failed has happened all the same, and publish what it did.  False: that cannot be
 * known yet; nothing is applied meanwhile. */
bool fleet_apply_settle(struct writer *w);

/* Give up the snapshot that is under way, if there is one: what came is taken back (fleet_sweep.h). */
void fleet_apply_abandon(struct writer *w);

/* Give it up if nobody holds the right to bring it any more. */
void fleet_apply_check_holder(struct writer *w);

#endif
