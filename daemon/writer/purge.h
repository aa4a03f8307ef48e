/* SPDX-License-Identifier: Apache-2.0 */
/* Removes tokens that ended longer than the retention ago, a few at a time.  The writer's
 * thread only. */
#ifndef JETON_DAEMON_WRITER_PURGE_H
#define JETON_DAEMON_WRITER_PURGE_H

#include "daemon/writer/writer.h"

struct purge {
    uint32_t slot;        /* goes on here */
    int64_t next_round;   /* a round that is done is not repeated before this time */
    int64_t clock_offset; /* of the time of day against CLOCK_MONOTONIC; 0: not known yet */
    int64_t trusted_from; /* CLOCK_MONOTONIC: after a step of the clock, an operator has time */
};

/* Looks at the next part of the table and lets the writer remove what it finds; called about every
 * second.  `retention` is in seconds. */
void purge_step(struct purge *s, struct writer *w, int64_t retention, int64_t now);

#endif
