/* SPDX-License-Identifier: Apache-2.0 */
/* An entry of the fleet's cache: a token of the fleet, or the tombstone of one, and how two states of the
 * same token become one.  No state; any thread. */
#ifndef JETON_DAEMON_FLEET_FLEET_ENTRY_H
#define JETON_DAEMON_FLEET_FLEET_ENTRY_H

#include "daemon/store/record.h"

struct fleet_entry {
    struct record record;
    bool deleted; /* a tombstone: no longer honoured, and no later put brings it back */
    bool enables; /* of what comes: it ends a disable; never saved */
};

/* Copy an entry, of its texts only the bytes that are used. */
void fleet_entry_copy(struct fleet_entry *to, const struct fleet_entry *from);

/* Change what comes by a feed to what is to be saved, given what there is of the same digest: it stays
 * revoked, with the earlier date; disabled, unless `enables`; and deleted.  False: the ids are the same
 * and the digests are not, so that one would hide the other; nothing was changed. */
bool fleet_entry_merge(struct fleet_entry *comes, const struct fleet_entry *had);

/* Likewise, for an entry of a snapshot, which is no replay: of a tombstone only a denial stays.  What was disabled
 * when its group left this host is disabled when the group comes back, and can be enabled then. */
bool fleet_entry_merge_snapshot(struct fleet_entry *comes, const struct fleet_entry *had);

/* True if the record says that the token is denied: revoked or disabled. */
static inline bool fleet_entry_is_denied(const struct fleet_entry *e)
{
    return e->record.revoked != 0 || e->record.disabled != 0;
}

/* True if what is dropped at this time must stay as a tombstone: it is denied, or has not ended. */
bool fleet_entry_stays(const struct fleet_entry *e, int64_t now);

#endif
