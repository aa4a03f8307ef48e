/* SPDX-License-Identifier: Apache-2.0 */
/* Count what services and the verifiers in their stacks answer, for stats.
 *
 * A series lives as long as the daemon, so that a reload loses no count: who makes stacks gets it by
 * name when it makes a stack.  Each worker writes its own part, without locks; any thread reads the
 * sums. */
#ifndef JETON_DAEMON_VERIFY_METRICS_H
#define JETON_DAEMON_VERIFY_METRICS_H

#include <stdatomic.h>

#include "daemon/base/histogram.h"
#include "daemon/verify/stack_result.h"
#include "proto/limits.h"

enum { SERIES_NAME_MAX = 48, SERIES_COUNTS = STATUS_COUNT };

/* Of a service: its answers, by enum status.  Of a verifier: its results, by enum jeton_outcome.
 * Times are those of all evaluations, and of a sample of the batches. */
struct series_part {
    _Alignas(64) _Atomic uint64_t count[SERIES_COUNTS];
    _Atomic uint64_t timed;
    _Atomic uint64_t nanoseconds;
    struct histogram latency; /* of a service: see series_latency() */
};

struct series {
    struct series *next;
    char service[SERVICE_MAX + 1];
    char verifier[SERIES_NAME_MAX]; /* "": the service's own */
    size_t parts;
    struct series_part *part; /* one for each worker */
};

/* What a verification that one verifier decides is counted in. */
struct series_pair {
    struct series *service;
    struct series *verifier;
};

struct metrics {
    size_t workers;
    _Atomic(struct series *) first; /* newest first; only ever added to */
};

void metrics_init(struct metrics *m, size_t workers);
void metrics_free(struct metrics *m);

/* Return the series of that name; make it if there is none.  NULL: no memory.  One thread
 * at a time. */
struct series *metrics_get(struct metrics *m, const char *service, const char *verifier);

/* Add to a counter of one worker's part; that worker's thread only. */
static inline void series_add(_Atomic uint64_t *counter, uint64_t more)
{
    uint64_t before = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, before + more, memory_order_relaxed);
}

static inline void series_count(struct series *m, unsigned worker, unsigned what)
{
    series_add(&m->part[worker].count[what], 1);
}

/* Add how long a client waited for the daemon.  A batch counts once. */
void series_latency(struct series *m, unsigned worker, uint64_t nanoseconds);

/* Add the latencies of all services to `sum`. */
void metrics_latency(const struct metrics *m, struct histogram *sum);

/* Add the time that one verification took. */
void series_time(struct series *m, unsigned worker, uint64_t nanoseconds);

/* Sum up all workers' parts, without the latencies. */
void series_read(const struct series *m, struct series_part *sum);

#endif
