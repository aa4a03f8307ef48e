/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of the fleet's tokens that are asked for on this host: they are sent to the fleet's database through its
 * agent, and are answered when that has committed them.  The writer's thread only.
 *
 *     fleet_up_takes()   a change that was posted concerns the fleet: apply it to what the cache has of its token,
 *                        as one of the host's own tokens is changed, and hold it.  A new token is sent whole, of a
 *                        change the claims that it names: it undoes no other one, however often it is offered
 *     fleet_take.h       the agent takes requests, and says what became of them
 *     fleet_up_step()    save denials; let what is settled be journalled and answered; keep deadlines
 *
 * A held change waits for nothing in the writer: others pass it.  Settled, it joins the next batch, where its
 * entry is all that is left to do.
 *
 * A denial (revoke, disable) is in force on this host at once: in the table, and in the cache, which also keeps it
 * as unsent until the database has it, whoever waits.  Then the journal tells who asked for it.  So is kept the end of a
 * token that was rotated with a grace. */
#ifndef JETON_DAEMON_WRITER_FLEET_UP_H
#define JETON_DAEMON_WRITER_FLEET_UP_H

#include "daemon/writer/fleet_up_state.h"
#include "daemon/writer/writer_state.h"

struct bulk;

/* Make one, with the denials that the cache has unsent.  NULL: *problem. */
struct fleet_up *fleet_up_new(struct fleet *fleet, struct problem *problem);

/* Take a change that concerns a token of the fleet.  False: it is for the batch, as one of this host, or refused
 * with a problem. */
bool fleet_up_takes(struct writer *w, struct change *c, int64_t now);

/* Do what is due.  True: something was done, or parked scans have reason to go on. */
bool fleet_up_step(struct writer *w, int64_t now);

/* Answer what is held, as the daemon ends.  True: something was. */
bool fleet_up_finish(struct writer *w);

/* Return for how many milliseconds nothing will be due. */
int fleet_up_wait(const struct fleet_up *u);

/* -- for fleet_take.c -------------------------------------------------------------------------- */

/* Notice that another session, or none, takes requests: what the last one took is offered again. */
void fleet_up_find_taker(struct writer *w);

/* The database has committed the offered request with this number.  False: there is none. */
bool fleet_up_done(struct fleet_up *u, uint64_t number, const struct change_fleet_outcome *outcome);

/* It has not: by the word of its code, and why. */
bool fleet_up_failed(struct writer *w, uint64_t number, struct slice code, struct slice message);

/* -- for bulk_run.c ---------------------------------------------------------------------------- */

/* Find out whether a change of one of many tokens would be refused; its problem says so. */
void fleet_up_try(struct writer *w, struct change *c, int64_t now);

/* Nobody waits for the changes of these tokens any more. */
void fleet_up_detach(struct writer *w, const struct bulk *b);

#endif
