/* SPDX-License-Identifier: Apache-2.0 */
/* Which tokens passed in which minute, until that is reported to the daemon.
 *
 * Any number of threads may record and take uses at the same time.  The struct may lie in memory
 * that a child finds zeroed after fork(): zero is empty. */
#ifndef JETON_PLUGIN_LIB_RECENT_USES_H
#define JETON_PLUGIN_LIB_RECENT_USES_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/limits.h"

enum { RECENT_USES_SETS = 512, RECENT_USES_WAYS = 4 }; /* 2048 tokens a minute */

struct recent_use {
    _Atomic uint64_t head; /* the id's first eight bytes */
    _Atomic uint64_t rest; /* its last two, a flag for unreported, and the minute */
};

struct recent_uses {
    struct recent_use entry[RECENT_USES_SETS][RECENT_USES_WAYS];
};

/* Record that the token passed in this minute (minutes since 1970). */
void recent_uses_add(struct recent_uses *uses, const uint8_t id[ID_SIZE], uint32_t minute);

/* Take up to `max` ids that were not taken yet; return how many. */
size_t recent_uses_take(struct recent_uses *uses, uint8_t (*id)[ID_SIZE], size_t max);

/* Return the set that an id is recorded in. */
static inline size_t recent_uses_set_of(const uint8_t *id)
{
    return ((size_t)id[1] << 8 | id[0]) % RECENT_USES_SETS;
}

/* Prefetch what recent_uses_add() will read.  Always inline, as table_prefetch() is. */
static inline __attribute__((always_inline)) void recent_uses_prefetch(
    const struct recent_uses *uses, const uint8_t *id)
{
    __builtin_prefetch(&uses->entry[recent_uses_set_of(id)]);
}

#endif
