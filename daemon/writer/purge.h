/* SPDX-License-Identifier: Apache-2.0 */
/* Remove bans that are over, and tokens that ended longer ago than the retention, a few at a time.  The writer's thread
 * only. */
#ifndef JETON_DAEMON_WRITER_PURGE_H
#define JETON_DAEMON_WRITER_PURGE_H

#include "daemon/writer/writer_state.h"

struct purge {
    uint32_t slot;                /* where the round goes on; 0: at a new round */
    int64_t next_round;           /* no new round begins before this time */
    struct store_place ban_place; /* where the round over the bans goes on */
    int64_t next_ban_round;       /* CLOCK_MONOTONIC: no new one begins before */
};

/* Look at the next part of the table and queue the removal of what it finds; called about every
 * second while the clock can be relied on (clock_check.h).  `retention` is in seconds. */
void purge_step(struct purge *p, struct writer *w, int64_t retention, int64_t now);

#endif
