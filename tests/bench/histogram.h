/* SPDX-License-Identifier: Apache-2.0 */
/* Count values in buckets: 16 for each power of two. */
#ifndef JETON_BENCH_HISTOGRAM_H
#define JETON_BENCH_HISTOGRAM_H

#include <stdint.h>

enum { PARTS = 32, BUCKETS = 40 * PARTS };

struct histogram {
    uint64_t count[BUCKETS];
};

static inline unsigned bucket_of(uint64_t value)
{
    unsigned power = value < PARTS ? 0 : 63 - (unsigned)__builtin_clzll(value) - 4;
    unsigned at = power * (PARTS / 2) + (unsigned)(value >> power);

    return at < BUCKETS ? at : BUCKETS - 1;
}

static inline double bucket_value(unsigned at)
{
    unsigned power = at < PARTS ? 0 : at / (PARTS / 2) - 1;

    return ((double)(at - power * (PARTS / 2)) + 0.5) * (double)(UINT64_C(1) << power);
}

static inline void histogram_add(struct histogram *h, uint64_t value, uint64_t times)
{
    h->count[bucket_of(value)] += times;
}

/* Return the value that this share of all (0.99, for example) does not exceed. */
static inline double histogram_percentile(const struct histogram *h, double share)
{
    uint64_t total = 0, seen = 0;

    for (unsigned i = 0; i < BUCKETS; i++)
        total += h->count[i];
    for (unsigned i = 0; i < BUCKETS; i++) {
        seen += h->count[i];
        if ((double)seen >= share * (double)total && seen > 0)
            return bucket_value(i);
    }
    return 0;
}

#endif
