/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/table/lease.h"

#include "daemon/base/clock.h"

void lease_renew(struct table_header *header)
{
    atomic_store(&header->not_before, clock_floor());
    atomic_store(&header->lease, (int64_t)clock_monotonic() + LEASE_SECONDS * CLOCK_SECOND);
}

void lease_end(struct table_header *header)
{
    atomic_store(&header->lease, 0);
}
