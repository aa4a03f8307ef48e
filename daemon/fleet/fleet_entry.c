/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/fleet/fleet_entry.h"

void fleet_entry_copy(struct fleet_entry *to, const struct fleet_entry *from)
{
    record_copy(&to->record, &from->record);
    to->deleted = from->deleted;
    to->enables = from->enables;
}

/* True if the date of the denial that was there stays. */
static bool stays(int64_t had, int64_t comes)
{
    return had != 0 && (comes == 0 || had < comes);
}

static void keep_denials(struct fleet_entry *comes, const struct fleet_entry *had)
{
    struct record *r = &comes->record;
    const struct record *h = &had->record;

    if (stays(h->revoked, r->revoked)) {
        r->revoked = h->revoked;
        r->has_revoked_by = h->has_revoked_by;
        r->revoked_by = h->revoked_by;
    }
    if (!comes->enables && stays(h->disabled, r->disabled)) {
        r->disabled = h->disabled;
        r->has_disabled_by = h->has_disabled_by;
        r->disabled_by = h->disabled_by;
    }
}

static bool same_digest(const struct fleet_entry *a, const struct fleet_entry *b)
{
    return memcmp(a->record.digest, b->record.digest, DIGEST_SIZE) == 0;
}

bool fleet_entry_merge(struct fleet_entry *comes, const struct fleet_entry *had)
{
    if (!same_digest(comes, had))
        return false;
    keep_denials(comes, had);
    comes->deleted = comes->deleted || had->deleted;
    return true;
}

bool fleet_entry_merge_snapshot(struct fleet_entry *comes, const struct fleet_entry *had)
{
    if (!same_digest(comes, had))
        return false;
    keep_denials(comes, had);
    return true;
}

bool fleet_entry_stays(const struct fleet_entry *e, int64_t now)
{
    return fleet_entry_is_denied(e) || e->record.expires > now;
}
