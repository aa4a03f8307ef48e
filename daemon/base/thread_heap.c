/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/base/thread_heap.h"

#include <malloc.h>
#include <stdlib.h>

enum { KEPT = 32 << 20, TRIM_KEPT = 128 << 10, TRIM_BLOCK = 256 << 10 };

void thread_heap_keep(void)
{
    mallopt(M_MMAP_THRESHOLD, KEPT);
    mallopt(M_TRIM_THRESHOLD, KEPT);
}

/* The C library does so when a large block is freed. */
void thread_heap_trim(void)
{
    mallopt(M_TRIM_THRESHOLD, TRIM_KEPT);
    void *volatile block = malloc(TRIM_BLOCK);
    free(block);
    mallopt(M_TRIM_THRESHOLD, KEPT);
}
