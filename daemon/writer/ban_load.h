/* SPDX-License-Identifier: Apache-2.0 */
/* Load the store's bans into the table, when the first stack comes into use that has a verifier which
 * could pass what they deny.  The writer's thread does it piece by piece, while others wait for
 * write_queue_bans(). */
#ifndef JETON_DAEMON_WRITER_BAN_LOAD_H
#define JETON_DAEMON_WRITER_BAN_LOAD_H

#include "daemon/writer/writer_state.h"

struct ban_load {
    struct store_place place;
};

/* Go on, if bans are wanted; false if there was nothing to do. */
bool ban_load_step(struct ban_load *l, struct writer *w);

/* Load all of them, before the writer's thread runs.  False: *problem says why not. */
bool ban_load_all(struct writer *w, struct problem *problem);

#endif
