/* SPDX-License-Identifier: Apache-2.0 */
/* For floors: memory in huge pages, as the daemon's table has them after a while. */
#ifndef JETON_BENCH_DENSE_H
#define JETON_BENCH_DENSE_H

#include "proto/pages.h"

/* Of a writable mapping of pages_map(). */
static inline void make_dense(void *mapping, size_t size)
{
    size_t done = 0;

    pages_fill(mapping, size);
    while (pages_condense(mapping, size, &done))
        continue;
}

#endif
