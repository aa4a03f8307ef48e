/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/pages.h"

#include <stdint.h>
#include <sys/mman.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

#define HUGE_SIZE ((size_t)2 * 1024 * 1024) /* the only size that is used */

/* Find a free, aligned address.  It is only a hint: if another thread takes it, the mapping lies
 * elsewhere. */
static void *free_aligned_address(size_t size)
{
    void *start = mmap(NULL, size + HUGE_SIZE, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (start == MAP_FAILED)
        return NULL;
    munmap(start, size + HUGE_SIZE);
    return (void *)(((uintptr_t)start + HUGE_SIZE - 1) / HUGE_SIZE * HUGE_SIZE);
}

void *pages_map(size_t size, int protection, int flags, int fd)
{
    return mmap(size >= HUGE_SIZE ? free_aligned_address(size) : NULL, size, protection, flags, fd,
                0);
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
