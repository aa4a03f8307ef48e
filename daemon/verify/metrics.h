/* SPDX-License-Identifier: Apache-2.0 */
/* Counters of services and of the verifiers in their stacks, for stats.
 *
 * A meter lives as long as the daemon, so that reading the configuration again loses no count: the
 * main thread asks for it by name when it makes a stack.  Each lane writes its own part, without
 * locks; any thread reads the sums. */
#ifndef JETON_METER_H
#define JETON_METER_H

#include <stdatomic.h>

#include "daemon/base/histogram.h"
#include "daemon/verify/result.h"
#include "proto/limits.h"

enum { METER_NAME_MAX = 48, METER_COUNTS = STATUS_COUNT };

/* Of a service: by enum status what was answered.  Of a verifier: by enum jeton_outcome what it
 * said.  Times are of those that were timed: all that wait, of the others a sample. */
struct meter_part {
    _Alignas(64) _Atomic uint64_t count[METER_COUNTS];
    _Atomic uint64_t timed;
    _Atomic uint64_t nanoseconds;
    struct histogram latency;           /* of a service: see meter_latency() */
};

struct meter {
    struct meter *next;
    char service[SERVICE_MAX + 1];
    char verifier[METER_NAME_MAX];      /* "": the service's own */
    size_t parts;
    struct meter_part *part;            /* one for each lane */
};

struct meters {
    size_t lanes;
    _Atomic(struct meter *) first;      /* newest first; only ever added to */
};

void meters_init(struct meters *m, size_t lanes);
void meters_free(struct meters *m);

/* The meter of that name, made if need be.  NULL: no memory.  The main thread only. */
struct meter *meters_get(struct meters *m, const char *service, const char *verifier);

/* Adds to one lane's part; that lane's thread only. */
static inline void meter_add(_Atomic uint64_t *counter, uint64_t more)
{
    uint64_t before = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, before + more, memory_order_relaxed);
}

static inline void meter_count(struct meter *m, unsigned lane, unsigned what)
{
    meter_add(&m->part[lane].count[what], 1);
}

/* How long a client waited, in the daemon: of those that were timed.  Verifications by the table that
 * are answered in one batch are one. */
void meter_latency(struct meter *m, unsigned lane, uint64_t nanoseconds);

/* Adds the latencies of all services to `sum`. */
void meters_latency(const struct meters *m, struct histogram *sum);

void meter_time(struct meter *m, unsigned lane, uint64_t nanoseconds);

/* The sums over all lanes, into `sum`; latencies are left out. */
void meter_read(const struct meter *m, struct meter_part *sum);

#endif
