/* SPDX-License-Identifier: Apache-2.0 */
/* The lease of a table: until when clients may believe it.  A daemon that is dead or hung does not
 * renew it, and its clients then ask the socket; this bounds how long a revoked token can pass.
 * The main thread renews it every second (daemon.c), under the token table's mutex. */
#ifndef JETON_DAEMON_TABLE_LEASE_H
#define JETON_DAEMON_TABLE_LEASE_H

#include "daemon/base/clock.h"
#include "proto/table.h"

enum { LEASE_SECONDS = 5 };

/* Nanoseconds after a daemon's death from which on nobody believes its table: the lease, the second
 * between two renewals, by which a client's clock may be behind unnoticed, and what a coarse clock is
 * late.  By CLOCK_MONOTONIC, as the lease is: both stand still while the machine sleeps. */
#define LEASE_OVER (CLOCK_SECOND * (LEASE_SECONDS + 1) + CLOCK_SECOND * 3 / 4)

/* Nanoseconds by which the fleet's deadlines by CLOCK_MONOTONIC are early: a reader's coarse clock may be late by
 * that. */
#define LEASE_FLEET_EARLY (CLOCK_SECOND / 50)

/* Let clients believe the table for LEASE_SECONDS from now, and judge by no earlier time than the
 * daemon does.  Compute the fleet's deadlines by CLOCK_MONOTONIC. */
void lease_renew(struct table_header *header);

/* Grant the fleet's deadlines, CLOCK_BOOTTIME nanoseconds: `until` for what is unknown, `keep` for its
 * tokens, no earlier than that.  No more than TABLE_FLEET_UNTIL_MAX and TABLE_FLEET_KEEP_MAX from
 * now. */
void lease_grant_fleet(struct table_header *header, int64_t until, int64_t keep);

/* Let no client believe the table any more, and end the fleet's deadlines. */
void lease_end(struct table_header *header);

#endif
