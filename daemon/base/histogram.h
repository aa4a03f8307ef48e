/* SPDX-License-Identifier: Apache-2.0 */
/* How long something took, in fixed buckets: four to each doubling, from 256 ns to a minute.
 * One thread adds, any thread reads; each number stands by itself. */
#ifndef JETON_DAEMON_BASE_HISTOGRAM_H
#define JETON_DAEMON_BASE_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

enum {
    HISTOGRAM_LEAST_BITS = 8, /* up to 2^8 ns all are one bucket */
    HISTOGRAM_MOST_BITS = 36, /* and so are those beyond 2^36 ns */
    HISTOGRAM_SPLIT = 4,
    HISTOGRAM_BUCKETS = (HISTOGRAM_MOST_BITS - HISTOGRAM_LEAST_BITS) * HISTOGRAM_SPLIT + 2,
};

struct histogram {
    _Atomic uint64_t count[HISTOGRAM_BUCKETS];
    _Atomic uint64_t nanoseconds; /* of all together */
};

/* The bucket of a time; one that is a bucket's bound is in it. */
unsigned histogram_bucket(uint64_t nanoseconds);

/* The most that a bucket holds; UINT64_MAX for the last. */
uint64_t histogram_bound(unsigned bucket);

void histogram_add(struct histogram *h, uint64_t nanoseconds);

/* Adds what another holds; the other's thread may go on adding. */
void histogram_merge(struct histogram *sum, const struct histogram *h);

uint64_t histogram_total(const struct histogram *h);

/* The bound of the bucket below which so many of a thousand are; 0: there are none at all. */
uint64_t histogram_quantile(const struct histogram *h, unsigned per_thousand);

#endif
