/* SPDX-License-Identifier: Apache-2.0 */
/* A place for the one mapping that a client makes, with nothing around it: who looks beside the
 * mapping dies of it, where otherwise something might happen to lie.  A harness includes this
 * once. */
#ifndef JETON_FUZZ_PLACE_H
#define JETON_FUZZ_PLACE_H

#include <sys/mman.h>

#include "daemon/base/sanitized.h"
#include "proto/pages.h"
#include "tests/fuzz/fuzz.h"

enum { PAGE = 4096, PLACE_SIZE = 4 * PAGE, PLACE_AROUND = 16 * PAGE };

#if JETON_SANITIZED
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#endif

static char *place; /* NULL: mappings lie anywhere */

/* Makes the place, or makes it empty again. */
static void place_clear(void)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (place != NULL ? MAP_FIXED : 0);
    char *at = mmap(place != NULL ? place - PLACE_AROUND : NULL, PLACE_SIZE + 2 * PLACE_AROUND,
                    PROT_NONE, flags, -1, 0);

    MUST(at != MAP_FAILED);
    place = at + PLACE_AROUND;
    ASAN_UNPOISON_MEMORY_REGION(place, PLACE_SIZE);
}

/* What is left of the last page can be read, but a sanitizer sees it. */
void *pages_map(size_t size, int protection, int flags, int fd)
{
    if (place == NULL)
        return mmap(NULL, size, protection, flags, fd, 0);
    MUST(size <= PLACE_SIZE);
    void *at = mmap(place, size, protection, flags | MAP_FIXED, fd, 0);
    ASAN_POISON_MEMORY_REGION(place + size, PLACE_SIZE - size);
    return at;
}

/* True if a mapping of that size was given back, and no more. */
static bool place_is_left(size_t size)
{
    char *end = place + (size + PAGE - 1) / PAGE * PAGE;
    unsigned char there;

    return mincore(end - PAGE, PAGE, &there) < 0 && mincore(end, PAGE, &there) == 0;
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
