/* SPDX-License-Identifier: Apache-2.0 */
/* Walk over the table in steps, for tokens that were used, have ended, or have a subject, or for all.
 *
 * A step looks at no more than `slots` slots from *slot on, and fills no more than `max`
 * elements; it returns how many it filled, and sets *slot to where the next step goes on, 0 at
 * the end of the table.  When the table is replaced between steps, the walk goes on at the same
 * slot of the new one; tokens that it misses are found in the next round.  Any thread; changes
 * wait meanwhile. */
#ifndef JETON_DAEMON_TABLE_TABLE_WALK_H
#define JETON_DAEMON_TABLE_TABLE_WALK_H

#include "daemon/table/token_table.h"
#include "proto/status.h"

/* A token and when it was last used (seconds since 1970). */
struct table_walk_use {
    uint8_t id[ID_SIZE];
    uint32_t time;
};

/* A token that was revoked, or had expired by a given time, and is none of the fleet. */
struct table_walk_ended {
    uint8_t id[ID_SIZE];
};

/* A token with a subject that is not revoked. */
struct table_walk_subject {
    int64_t expires;
    uint16_t subject_len;
    char subject[SUBJECT_MAX];
};

/* A token, its state at a given time, and its end. */
struct table_walk_end {
    enum status state; /* verdict_state() */
    int64_t expires;   /* TIME_NEVER: it has none */
    bool fleet;        /* it is one of the fleet */
    uint8_t id[ID_SIZE];
};

size_t table_walk_uses(struct token_table *t, uint32_t *slot, uint32_t slots, int64_t since,
                       struct table_walk_use *use, size_t max);
size_t table_walk_ended(struct token_table *t, uint32_t *slot, uint32_t slots, int64_t before,
                        struct table_walk_ended *ended, size_t max);
size_t table_walk_subjects(struct token_table *t, uint32_t *slot, uint32_t slots,
                           struct table_walk_subject *subject, size_t max);
size_t table_walk_ends(struct token_table *t, uint32_t *slot, uint32_t slots, int64_t now,
                       struct table_walk_end *end, size_t max);

#endif
