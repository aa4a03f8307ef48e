/* SPDX-License-Identifier: Apache-2.0 */
/* The fleet lease: until when this host may answer for fleet tokens.  No I/O, no clock of its own; one thread.
 *
 * A poll that was sent at `sent` found the newest change N, and a newest confirmed beat that was `age` old.  What
 * was acknowledged before that beat has a serial of N at most.  So a host that has all changes up to N lacks
 * only such as were acknowledged later than `sent` - `age`, and may answer until `sent` - `age` + T.
 *
 * Times are nanoseconds of CLOCK_BOOTTIME, which no setting of the wall clock moves, and which goes on while the
 * machine sleeps. */
#ifndef JETON_PLUGIN_FLEET_LEASE_H
#define JETON_PLUGIN_FLEET_LEASE_H

#include <stdbool.h>
#include <stdint.h>

enum { LEASE_PROMISES_MAX = 16 };

/* What a poll promised: until when the lease goes, once the host's place has reached the serial. */
struct lease_promise {
    uint64_t serial;
    int64_t until;
};

struct lease {
    int64_t until; /* the lease that this host has earned; 0: none */
    unsigned count;
    struct lease_promise
        promise[LEASE_PROMISES_MAX]; /* ascending serials that were not reached yet */
};

/* Read CLOCK_BOOTTIME. */
int64_t lease_clock(void);

/* Compute the end of a lease of `length` nanoseconds that a poll earns.  0: none, as the age (milliseconds) is none
 * that a server gives: below 0, not finite, or older than the lease. */
int64_t lease_end(int64_t sent, double age_ms, int64_t length);

/* Note a promise; if there are too many, the newest of them gives way. */
void lease_promise(struct lease *l, uint64_t serial, int64_t until);

/* The host has all changes up to a serial: take what that fulfils.  True: `until` is later than before. */
bool lease_reached(struct lease *l, uint64_t serial);

/* Forget the promises: they were about another history, or another connection. */
void lease_forget(struct lease *l);

#endif
