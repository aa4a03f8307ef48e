/* SPDX-License-Identifier: Apache-2.0 */
/* Write lines about changes of the fleet's tokens: what the agent takes, and what their user is answered.  No state;
 * any thread. */
#ifndef JETON_DAEMON_WRITER_FLEET_REPLY_H
#define JETON_DAEMON_WRITER_FLEET_REPLY_H

#include "daemon/writer/fleet_up_queue.h"
#include "proto/request.h"

/* Write the claims of a request, behind the digest: all those of a new token; of an update those that were given (KEY_BITs);
 * of the end of a rotated token that; of others the group alone.  A line's length is always enough. */
void fleet_reply_claims(struct text *t, enum fleet_up_event event, const struct record *r,
                        uint64_t given);

/* Add the line of a request that is offered, with its LF. */
void fleet_reply_offer(struct text *t, const struct fleet_up_request *r);

/* Add where a change is in the fleet's, and on how many hosts it is in force, as far as that is known. */
void fleet_reply_outcome(struct text *t, const struct change_fleet_outcome *outcome);

/* Write the reply to a settled change without a problem; other roles than admin get id and state only, but a user
 * all of what is his own. */
void fleet_reply_put(const struct change *c, enum role role, int64_t now, struct text *t);

#endif
