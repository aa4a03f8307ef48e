/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/base/histogram.h"

enum { SPLIT_BITS = 2 };

_Static_assert(HISTOGRAM_SPLIT == 1 << SPLIT_BITS, "HISTOGRAM_SPLIT is 2^SPLIT_BITS");

static uint64_t value(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static void add(_Atomic uint64_t *counter, uint64_t more)
{
    atomic_store_explicit(counter, value(counter) + more, memory_order_relaxed);
}

/* Subtract one, so that a power of two ends its bucket instead of beginning the next. */
unsigned histogram_bucket(uint64_t nanoseconds)
{
    uint64_t t = nanoseconds > 0 ? nanoseconds - 1 : 0;

    if (t >> HISTOGRAM_LEAST_BITS == 0)
        return 0;
    if (t >> HISTOGRAM_MOST_BITS != 0)
        return HISTOGRAM_BUCKETS - 1;
    unsigned bits = 63 - (unsigned)__builtin_clzll(t);
    unsigned part = (unsigned)(t >> (bits - SPLIT_BITS)) & (HISTOGRAM_SPLIT - 1);
    return 1 + (bits - HISTOGRAM_LEAST_BITS) * HISTOGRAM_SPLIT + part;
}

uint64_t histogram_bound(unsigned bucket)
{
    if (bucket == 0)
        return UINT64_C(1) << HISTOGRAM_LEAST_BITS;
    if (bucket == HISTOGRAM_BUCKETS - 1)
        return UINT64_MAX;
    unsigned bits = HISTOGRAM_LEAST_BITS + (bucket - 1) / HISTOGRAM_SPLIT;
    uint64_t part = (bucket - 1) % HISTOGRAM_SPLIT + 1;
    return (UINT64_C(1) << bits) + (part << (bits - SPLIT_BITS));
}

void histogram_add(struct histogram *h, uint64_t nanoseconds)
{
    add(&h->count[histogram_bucket(nanoseconds)], 1);
    add(&h->nanoseconds, nanoseconds);
}

void histogram_merge(struct histogram *sum, const struct histogram *h)
{
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        add(&sum->count[i], value(&h->count[i]));
    add(&sum->nanoseconds, value(&h->nanoseconds));
}

uint64_t histogram_total(const struct histogram *h)
{
    uint64_t total = 0;

    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        total += value(&h->count[i]);
    return total;
}

uint64_t histogram_quantile(const struct histogram *h, unsigned per_thousand)
{
    uint64_t wanted = (histogram_total(h) * per_thousand + 999) / 1000, seen = 0;

    if (wanted == 0)
        return 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS - 1; i++) {
        seen += value(&h->count[i]);
        if (seen >= wanted)
            return histogram_bound(i);
    }
    return UINT64_C(1) << HISTOGRAM_MOST_BITS;
}
