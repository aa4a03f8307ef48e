/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/pages.h"

#include <stdint.h>
#include <sys/mman.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

#define HUGE_SIZE ((size_t)2 * 1024 * 1024) /* where they are larger, there are none */

/* A place that is free now.  Should another thread take it, the mapping will lie elsewhere. */
static void *free_place(size_t size)
{
    void *room = mmap(NULL, size + HUGE_SIZE, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (room == MAP_FAILED)
        return NULL;
    munmap(room, size + HUGE_SIZE);
    return (void *)(((uintptr_t)room + HUGE_SIZE - 1) / HUGE_SIZE * HUGE_SIZE);
}

void *pages_map(size_t size, int protection, int flags, int fd)
{
    return mmap(size >= HUGE_SIZE ? free_place(size) : NULL, size, protection, flags, fd, 0);
}

void pages_fill(void *mapping, size_t size)
{
    madvise(mapping, size, MADV_POPULATE_WRITE);
}

bool pages_condense(void *mapping, size_t size, size_t *done)
{
    if (size - *done < HUGE_SIZE)
        return false;
    madvise((char *)mapping + *done, HUGE_SIZE, MADV_COLLAPSE);
    *done += HUGE_SIZE;
    return true;
}
