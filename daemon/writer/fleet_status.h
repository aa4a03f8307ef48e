/* SPDX-License-Identifier: Apache-2.0 */
/* What all threads may know of the host's part in its fleet, and the two things that sessions do without the
 * writer: to hold the right to bring a batch, and to set the lease.  Any thread, unless noted.
 *
 * One session at a time brings a batch.  It holds a number from then on; a snapshot whose number is not held any
 * more is given up by the writer's thread, whatever became of the session. */
#ifndef JETON_DAEMON_WRITER_FLEET_STATUS_H
#define JETON_DAEMON_WRITER_FLEET_STATUS_H

#include "daemon/table/token_table.h"
#include "proto/fleet.h"
#include "proto/problem.h"

struct fleet_status;

struct fleet_figures {
    struct fleet_place place;
    bool
        whole; /* what is here is all that the fleet had at that place, so that a lease may be given */
    uint64_t tokens;      /* of the fleet, in the table */
    uint64_t unsent;      /* denials that the database does not know yet */
    uint64_t waiting;     /* changes for the database that are not done */
    uint64_t conflicts;   /* puts of what is a token of this host alone */
    uint64_t spreads;     /* tables made anew as tokens lay close together */
    uint64_t rewinds;     /* since the start */
    uint64_t failures;    /* batches that the disk refused */
    uint64_t cache_bytes; /* of its files */
    uint64_t
        believed_until; /* clock_monotonic(): clients may believe the table of a daemon that was killed */
};

/* What is left of the lease, in milliseconds, and how long ago it was given or renewed, in seconds; since the start
 * of the daemon if it never was. */
struct fleet_lease_left {
    uint64_t until;
    uint64_t keep;
    uint64_t age;
};

/* NULL: no memory.  The table must outlive it. */
struct fleet_status *fleet_status_new(struct token_table *token_table);
void fleet_status_free(struct fleet_status *s);

struct fleet_figures fleet_status_figures(struct fleet_status *s);

/* Set them.  The writer's thread only. */
void fleet_status_set(struct fleet_status *s, const struct fleet_figures *figures);

/* Take the right to bring a batch, and return its number; 0: another holds it. */
uint64_t fleet_status_hold(struct fleet_status *s);

/* Give it back; nothing happens if it is not held by this number. */
void fleet_status_release(struct fleet_status *s, uint64_t number);

bool fleet_status_is_held(struct fleet_status *s, uint64_t number);

/* Take the right to take changes for the database (fleet_take.h), and return its number; 0: another session has it. */
uint64_t fleet_status_hold_requests(struct fleet_status *s);

/* Give it back; nothing happens if this number does not have it. */
void fleet_status_release_requests(struct fleet_status *s, uint64_t number);

/* Return the number of who takes these; 0: nobody does. */
uint64_t fleet_status_taker(struct fleet_status *s);

/* Set until when unknown values, and known tokens, are answered about: CLOCK_BOOTTIME, nanoseconds.  Not STATUS_OK:
 * *problem says why not. */
enum status fleet_status_lease(struct fleet_status *s, int64_t until, int64_t keep,
                               struct problem *problem);

struct fleet_lease_left fleet_status_lease_left(struct fleet_status *s);

#endif
