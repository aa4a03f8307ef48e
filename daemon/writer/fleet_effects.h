/* SPDX-License-Identifier: Apache-2.0 */
/* What a delivery makes of tokens, each as it was before and as it is to be: made while it is staged, and published
 * when that is saved.  Little memory: of texts only what is used.  The writer's thread only. */
#ifndef JETON_DAEMON_WRITER_FLEET_EFFECTS_H
#define JETON_DAEMON_WRITER_FLEET_EFFECTS_H

#include "daemon/fleet/fleet_entry.h"

/* One of them, copied out. */
struct fleet_effect {
    bool had;                  /* there is a `before` */
    bool banned;               /* a ban of this host holds for it */
    bool again;                /* `before` is what the same commit makes of it, too */
    struct fleet_entry before; /* as the indexes know it */
    struct fleet_entry after;  /* `enables`: it ends a disable */
};

/* A list of them; an empty one is all zeros. */
struct fleet_effects {
    uint8_t *bytes;
    size_t len, capacity;
    size_t count;
    size_t slots;   /* that the table may need for them: most have theirs */
    uint64_t texts; /* bytes of strings that the table may need for them */
};

void fleet_effects_free(struct fleet_effects *e);

/* Empty it; its memory is kept. */
void fleet_effects_clear(struct fleet_effects *e);

/* Free the memory of many, and with it what is in the list. */
void fleet_effects_trim(struct fleet_effects *e);

/* Add one.  False: no memory. */
bool fleet_effects_add(struct fleet_effects *e, const struct fleet_effect *effect);

/* Copy the one at *at (0: the first), and set *at to the next; false: there is none. */
bool fleet_effects_next(const struct fleet_effects *e, size_t *at, struct fleet_effect *effect);

#endif
