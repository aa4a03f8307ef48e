/* SPDX-License-Identifier: Apache-2.0 */
/* Make what the fleet has visible on this host: in the table, and in the indexes by which tokens are listed and
 * counted.  A token of this host alone stays what it is, but a denial of the same digest denies it.  The writer's
 * thread only. */
#ifndef JETON_DAEMON_WRITER_FLEET_PUBLISH_H
#define JETON_DAEMON_WRITER_FLEET_PUBLISH_H

#include "daemon/writer/fleet_effects.h"
#include "daemon/writer/writer_state.h"

/* What the table has under the id of a token that the fleet brings. */
enum fleet_slot {
    FLEET_SLOT_FREE,
    FLEET_SLOT_OURS,  /* a token of the fleet */
    FLEET_SLOT_LOCAL, /* a token of this host alone, of the same digest */
    FLEET_SLOT_OTHER, /* another token with the same id, once in 2^80 */
};

enum fleet_slot fleet_publish_look(struct writer *w, const uint8_t digest[DIGEST_SIZE]);

/* Let a denial of a token that is here take effect before it is saved; nothing happens if the entry denies nothing.
 * What is not here is not honoured anyway. */
void fleet_publish_denial(struct writer *w, const struct fleet_entry *denied);

/* Let what an entry denies be denied as a token of this host alone, if it is one: what the fleet drops may go on here,
 * but what it has denied before that stays so. */
void fleet_publish_denial_of_local(struct writer *w, const struct fleet_entry *denied);

/* Reserve memory for so many effects, which may need so many slots and bytes of strings; false: there is none. */
bool fleet_publish_reserve(struct writer *w, size_t count, size_t slots, uint64_t bytes);

/* Make the table ready for so many more tokens, which are to be reserved all the same; without memory it grows as it
 * must. */
void fleet_publish_expect(struct writer *w, uint64_t tokens);

/* Publish an effect, for which memory was reserved. */
void fleet_publish_effect(struct writer *w, const struct fleet_effect *effect);

/* Likewise, of an effect that perhaps is not saved, in the table alone: indexes agree with the cache. */
void fleet_publish_unsaved(struct writer *w, const struct fleet_effect *effect);

/* Take back what a token left in indexes and table that the cache has not, or has no more; denials in the table stay.
 * The entry is that of the creation index, copied. */
void fleet_publish_remove(struct writer *w, const struct creation_entry *e);

/* Bring what a token has there into agreement with its record in the cache; denials in the table stay.  `uncounted`:
 * fleet_uncounted.h has it. */
void fleet_publish_restore(struct writer *w, const struct creation_entry *e, const struct record *r,
                           bool uncounted);

#endif
