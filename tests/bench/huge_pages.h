/* SPDX-License-Identifier: Apache-2.0 */
/* Put memory of a baseline into huge pages, where the daemon's table is after a while. */
#ifndef JETON_BENCH_HUGE_PAGES_H
#define JETON_BENCH_HUGE_PAGES_H

#include "proto/pages.h"

/* Take a writable mapping of pages_map(). */
static inline void collapse_huge_pages(void *mapping, size_t size)
{
    size_t done = 0;

    pages_fill(mapping, size);
    while (pages_condense(mapping, size, &done))
        continue;
}

#endif
