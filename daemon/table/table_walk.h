/* SPDX-License-Identifier: Apache-2.0 */
/* Goes over the table for the chores: what was used, and what has ended.
 *
 * Both walk over the slots from *slot on, look at no more than `slots` of them and fill no more
 * than `max` elements; *slot is then where to go on, and 0 at the end of the table.  They return
 * how many elements there are.  A table that is replaced in between is walked from where the old
 * one was left; what that misses comes in the next round.  Any thread; changes wait meanwhile. */
#ifndef JETON_DAEMON_TABLE_TABLE_WALK_H
#define JETON_DAEMON_TABLE_TABLE_WALK_H

#include "daemon/table/token_table.h"

/* A token and when it was last used (seconds since 1970). */
struct table_walk_use {
    uint8_t id[ID_SIZE];
    uint32_t time;
};

/* A token that retention may concern: revoked, or expired before a given time. */
struct table_walk_ended {
    uint8_t id[ID_SIZE];
};

size_t table_walk_uses(struct token_table *t, uint32_t *slot, uint32_t slots, int64_t since,
                       struct table_walk_use *use, size_t max);
size_t table_walk_ended(struct token_table *t, uint32_t *slot, uint32_t slots, int64_t before,
                        struct table_walk_ended *ended, size_t max);

#endif
