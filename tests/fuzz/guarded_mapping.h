/* SPDX-License-Identifier: Apache-2.0 */
/* Map the one mapping of a client to a fixed address between inaccessible pages, so that any access
 * outside of it is fatal.  To be included once in a harness. */
#ifndef JETON_FUZZ_GUARDED_MAPPING_H
#define JETON_FUZZ_GUARDED_MAPPING_H

#include <sys/mman.h>

#include "daemon/base/sanitizer.h"
#include "proto/pages.h"
#include "tests/fuzz/fuzz.h"

enum { PAGE = 4096, GUARDED_SIZE = 4 * PAGE, GUARD_SIZE = 16 * PAGE };

#if JETON_SANITIZED
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#endif

static char *guarded; /* NULL: mappings are placed by the kernel */

/* Reserve the address range, or unmap what is in it. */
static void guarded_reset(void)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (guarded != NULL ? MAP_FIXED : 0);
    char *at = mmap(guarded != NULL ? guarded - GUARD_SIZE : NULL, GUARDED_SIZE + 2 * GUARD_SIZE,
                    PROT_NONE, flags, -1, 0);

    MUST(at != MAP_FAILED);
    guarded = at + GUARD_SIZE;
    ASAN_UNPOISON_MEMORY_REGION(guarded, GUARDED_SIZE);
}

/* Map like the real function.  The rest of the last page is accessible, but poisoned for the
 * sanitizer. */
void *pages_map(size_t size, int protection, int flags, int fd)
{
    if (guarded == NULL)
        return mmap(NULL, size, protection, flags, fd, 0);
    MUST(size <= GUARDED_SIZE);
    void *at = mmap(guarded, size, protection, flags | MAP_FIXED, fd, 0);
    ASAN_POISON_MEMORY_REGION(guarded + size, GUARDED_SIZE - size);
    return at;
}

/* True if a mapping of that size was unmapped, and nothing else. */
static bool guarded_is_unmapped(size_t size)
{
    char *end = guarded + (size + PAGE - 1) / PAGE * PAGE;
    unsigned char exists;

    return mincore(end - PAGE, PAGE, &exists) < 0 && mincore(end, PAGE, &exists) == 0;
}

void pages_fill(void *mapping, size_t size)
{
    (void)mapping, (void)size;
}

bool pages_condense(void *mapping, size_t size, size_t *done)
{
    (void)mapping, (void)size, (void)done;
    return false;
}

#endif
