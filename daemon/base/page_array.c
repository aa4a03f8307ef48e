/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/base/page_array.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/base/sanitizer.h"

/* Elements are no larger than a page, so this is the size of the mapping of a capacity, too. */
static size_t in_pages(size_t bytes)
{
    const size_t page = (size_t)getpagesize();

    return (bytes + page - 1) / page * page;
}

static void *map(size_t bytes)
{
    return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* ThreadSanitizer does not follow mremap(): what one thread wrote where another's array comes to would pass for a race
 * between the two. */
static void *remap(void *array, size_t had, size_t bytes)
{
    if (!JETON_SANITIZED)
        return mremap(array, had, bytes, MREMAP_MAYMOVE);
    void *at = map(bytes);
    if (at == MAP_FAILED)
        return at;
    memcpy(at, array, had);
    munmap(array, had);
    return at;
}

void *page_array_grow(void *array, size_t *capacity, size_t size, size_t needed)
{
    size_t wanted = *capacity + *capacity / 8;

    if (needed <= *capacity && array != NULL)
        return array;
    if (wanted < needed)
        wanted = needed;
    if (wanted == 0 || wanted > SIZE_MAX / 2 / size)
        return NULL;
    size_t bytes = in_pages(wanted * size);
    void *at = array == NULL ? map(bytes) : remap(array, in_pages(*capacity * size), bytes);
    if (at == MAP_FAILED)
        return NULL;
    *capacity = bytes / size;
    return at;
}

void page_array_free(void *array, size_t capacity, size_t size)
{
    if (array != NULL)
        munmap(array, in_pages(capacity * size));
}
