/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens that a snapshot has denied, so that they count no longer as those of their subjects: if it is given up, the
 * cache has them as they were, and they count again.  The writer's thread only. */
#ifndef JETON_DAEMON_WRITER_FLEET_UNCOUNTED_H
#define JETON_DAEMON_WRITER_FLEET_UNCOUNTED_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/token.h"

/* An empty one is all zeros. */
struct fleet_uncounted {
    uint8_t (*id)[ID_SIZE]; /* ascending */
    size_t count, capacity;
};

/* Free its memory, and empty it. */
void fleet_uncounted_free(struct fleet_uncounted *u);

/* Add a token; the digests that are added ascend.  Without memory it is left out: its subject has one too few. */
void fleet_uncounted_add(struct fleet_uncounted *u, const uint8_t digest[DIGEST_SIZE]);

bool fleet_uncounted_has(const struct fleet_uncounted *u, const uint8_t id[ID_SIZE]);

#endif
