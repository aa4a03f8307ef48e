/* SPDX-License-Identifier: Apache-2.0 */
/* The poll of each second: it makes and confirms beats, finds changes of which no notification came, and earns the lease.  One
 * thread. */
#ifndef JETON_PLUGIN_FLEET_BEAT_H
#define JETON_PLUGIN_FLEET_BEAT_H

#include "plugin/fleet/context.h"

/* Poll now, if it can be and is not under way. */
void beat_poll(struct context *c);

/* Begin with a new connection to the database. */
void beat_reset(struct context *c);

/* The place has moved, or was verified: take what that earns, and tell jetond. */
void beat_reached(struct context *c);

/* Grant what was earned before jetond was started again at the same place, if anything is left of it: that needs no
 * database. */
void beat_grant_again(struct context *c, int64_t until);

/* Give a connection up whose server has no confirmed beat for as long as the lease: perhaps it was cut off from its
 * standbys, and another one is the primary now. */
void beat_check(struct context *c);

/* Give jetond again a lease for which it was too busy.  Each 100 ms. */
void beat_tick(struct context *c);

#endif
