/* SPDX-License-Identifier: Apache-2.0 */
/* Count durations in fixed buckets: four to each doubling, from 256 ns to a minute.  One thread
 * adds, any thread reads; a reader may see one counter newer than another. */
#ifndef JETON_DAEMON_BASE_HISTOGRAM_H
#define JETON_DAEMON_BASE_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

enum {
    HISTOGRAM_LEAST_BITS = 8, /* the first bucket: up to 2^8 ns */
    HISTOGRAM_MOST_BITS = 36, /* the last bucket: beyond 2^36 ns */
    HISTOGRAM_SPLIT = 4,
    HISTOGRAM_BUCKETS = (HISTOGRAM_MOST_BITS - HISTOGRAM_LEAST_BITS) * HISTOGRAM_SPLIT + 2,
};

struct histogram {
    _Atomic uint64_t count[HISTOGRAM_BUCKETS];
    _Atomic uint64_t nanoseconds; /* the sum of all durations */
};

/* Return the bucket of a duration; a bucket includes its bound. */
unsigned histogram_bucket(uint64_t nanoseconds);

/* Return the longest duration in a bucket; UINT64_MAX for the last. */
uint64_t histogram_bound(unsigned bucket);

void histogram_add(struct histogram *h, uint64_t nanoseconds);

/* Add the counts of another histogram, whose thread may go on adding meanwhile. */
void histogram_merge(struct histogram *sum, const struct histogram *h);

uint64_t histogram_total(const struct histogram *h);

/* Return the bound of the first bucket up to which `per_thousand` of a thousand durations lie; 0:
 * the histogram is empty. */
uint64_t histogram_quantile(const struct histogram *h, unsigned per_thousand);

#endif
