/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/table/lease.h"

#include "daemon/base/clock.h"

/* The clock that stands still while the machine sleeps is read first: then no deadline by it is late. */
static void renew_fleet(struct table_header *h)
{
    int64_t monotonic = (int64_t)clock_monotonic();
    int64_t behind = clock_boottime() - monotonic + LEASE_FLEET_EARLY;

    atomic_store(&h->monotonic.until, atomic_load(&h->boottime.until) - behind);
    atomic_store(&h->monotonic.keep, atomic_load(&h->boottime.keep) - behind);
}

void lease_grant_fleet(struct table_header *h, int64_t until, int64_t keep)
{
    int64_t now = clock_boottime();

    if (until > now + TABLE_FLEET_UNTIL_MAX)
        until = now + TABLE_FLEET_UNTIL_MAX;
    if (keep > now + TABLE_FLEET_KEEP_MAX)
        keep = now + TABLE_FLEET_KEEP_MAX;
    if (until < 0)
        until = 0;
    if (keep < until)
        keep = until;
    atomic_store(&h->boottime.until, until);
    atomic_store(&h->boottime.keep, keep);
    renew_fleet(h);
}

void lease_renew(struct table_header *header)
{
    atomic_store(&header->not_before, clock_floor());
    if (header->layout >= TABLE_LAYOUT_FLEET)
        renew_fleet(header);
    atomic_store(&header->lease, (int64_t)clock_monotonic() + LEASE_SECONDS * CLOCK_SECOND);
}

void lease_end(struct table_header *header)
{
    atomic_store(&header->lease, 0);
    atomic_store(&header->monotonic.until, 0);
    atomic_store(&header->monotonic.keep, 0);
    atomic_store(&header->boottime.until, 0);
    atomic_store(&header->boottime.keep, 0);
}
