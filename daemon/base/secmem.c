/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/base/secmem.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "daemon/base/log.h"
#include "daemon/base/sanitizer.h"

/* The smallest blocks, which are many, have an odd number of cache lines, so that the same offset
 * in each falls into a different set of the cache. */
enum {
    SMALLEST = 16 * 1024 + 64,
    SIZES = 4, /* each twice the one before; larger blocks come from malloc() */
    PAGE = 4096,
    CHUNK = 64 * SMALLEST + PAGE,  /* whole pages: the header, and a multiple of each size */
    CHUNK_ALIGN = 2 * 1024 * 1024, /* so that a block's address leads to its chunk */
    TRIM_MAX = 64,                 /* chunks that one call gives back: to unmap one takes 50 us */
    EMPTIED_MAX = 64,              /* blocks of a size that one call empties */
};

#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24 /* since Linux 5.18 */
#endif

struct block {
    struct block *next;
    bool empty; /* the kernel has its whole pages back */
};

/* At the beginning of its memory. */
struct chunk {
    unsigned blocks; /* in use, or kept by a thread */
    bool trimmed;    /* it is about to be given back */
};

static struct {
    pthread_mutex_t mutex;
    struct block *free[SIZES];
    unsigned count[SIZES]; /* of these */
    unsigned least[SIZES]; /* ... since the last trim */
    char *chunk;           /* blocks are carved from this one; NULL: none */
    size_t used;           /* bytes of the chunk */
} pool = { .mutex = PTHREAD_MUTEX_INITIALIZER };

/* The smallest blocks that this thread has freed are reused by it, last one first: without a lock,
 * and while they are in the processor's caches.  What a thread keeps is lost when it ends, so only
 * threads that end with the daemon may use this. */
enum { SPARES = 4 };

static _Thread_local struct {
    struct block *first;
    unsigned count;
} spare;

static atomic_bool unlocked; /* locking failed once, which was logged */

static int class_of(size_t size)
{
    int class = 0;

    while (class < SIZES && ((size_t)SMALLEST << class) < size)
        class ++;
    return JETON_SANITIZED ? SIZES : class;
}

static void lock_chunk(void *chunk)
{
    madvise(chunk, CHUNK, MADV_DONTDUMP);
    if (mlock2(chunk, CHUNK, MLOCK_ONFAULT) == 0 || atomic_exchange(&unlocked, true))
        return;
    log_info(
        "memory: buffers, and values in them, may be swapped out: %s (RLIMIT_MEMLOCK; a unit's "
        "LimitMEMLOCK=)",
        strerror(errno));
}

/* Map whole pages at a multiple of CHUNK_ALIGN; NULL: no memory. */
static char *map_chunk(void)
{
    const size_t size = CHUNK + CHUNK_ALIGN;
    char *all = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (all == MAP_FAILED)
        return NULL;
    size_t before = -(uintptr_t)all % CHUNK_ALIGN;
    if (before > 0)
        munmap(all, before);
    munmap(all + before + CHUNK, size - before - CHUNK);
    return all + before;
}

static struct chunk *chunk_of(const void *block)
{
    return (struct chunk *)((uintptr_t)block / CHUNK_ALIGN * CHUNK_ALIGN);
}

static void *carve(size_t size)
{
    if (pool.chunk == NULL || CHUNK - pool.used < size) {
        char *chunk = map_chunk();
        if (chunk == NULL)
            return NULL;
        lock_chunk(chunk);
        pool.chunk = chunk; /* the rest of the last chunk is given up: it is less than one block */
        pool.used = PAGE;
    }
    pool.used += size;
    return pool.chunk + pool.used - size;
}

/* Take a block of the pool.  The mutex is held. */
static void *take(int class)
{
    struct block *block = pool.free[class];

    if (block == NULL) {
        block = carve((size_t)SMALLEST << class);
    } else {
        pool.free[class] = block->next;
        if (--pool.count[class] < pool.least[class])
            pool.least[class] = pool.count[class];
    }
    if (block != NULL)
        chunk_of(block)->blocks++;
    return block;
}

static void give(struct block *block, int class)
{
    *block = (struct block){ .next = pool.free[class] };
    pool.free[class] = block;
    pool.count[class]++;
    chunk_of(block)->blocks--;
}

static void *take_spare(void)
{
    struct block *block = spare.first;

    spare.first = block->next;
    spare.count--;
    return block;
}

static void keep_spare(struct block *block)
{
    block->next = spare.first;
    spare.first = block;
    spare.count++;
}

void *secmem_new(size_t size)
{
    int class = class_of(size);

    if (class == SIZES)
        return malloc(size);
    if (class == 0 && spare.count > 0)
        return take_spare();
    pthread_mutex_lock(&pool.mutex);
    void *block = take(class);
    pthread_mutex_unlock(&pool.mutex);
    return block;
}

void secmem_free(void *memory, size_t size)
{
    int class = class_of(size);
    struct block *block = memory;

    if (class == SIZES) {
        free(memory);
        return;
    }
    if (block == NULL)
        return;
    if (class == 0 && spare.count < SPARES) {
        keep_spare(block);
        return;
    }
    pthread_mutex_lock(&pool.mutex);
    give(block, class);
    pthread_mutex_unlock(&pool.mutex);
}

/* -- giving back ------------------------------------------------------------------------------ */

/* Give back the whole pages behind the beginning of a free block. */
static void empty_block(struct block *block, size_t size)
{
    uintptr_t from = ((uintptr_t)(block + 1) + PAGE - 1) / PAGE * PAGE;
    uintptr_t to = ((uintptr_t)block + size) / PAGE * PAGE;

    block->empty = true;
    if (from < to)
        madvise((void *)from, to - from, MADV_DONTNEED_LOCKED);
}

/* Empty some of the blocks that were not needed since the last call, whose chunks stay: the list begins with those
 * that were used last. */
static void empty_unneeded(int class)
{
    unsigned skip = pool.count[class] - pool.least[class], budget = EMPTIED_MAX;

    for (struct block *block = pool.free[class]; block != NULL && budget > 0; block = block->next) {
        if (skip > 0) {
            skip--;
        } else if (!block->empty) {
            empty_block(block, (size_t)SMALLEST << class);
            budget--;
        }
    }
}

/* Return how many bytes of free blocks were not needed since the last call, and begin anew. */
static size_t unneeded(void)
{
    size_t bytes = 0;

    for (int class = 0; class < SIZES; class ++) {
        bytes += pool.least[class] * ((size_t)SMALLEST << class);
        pool.least[class] = pool.count[class];
    }
    return bytes;
}

/* Take the blocks of a class out of the list whose chunks have no block in use, up to `most` chunks,
 * which are noted in `chunks`. */
static unsigned take_unused(int class, struct chunk **chunks, unsigned count, unsigned most)
{
    for (struct block **link = &pool.free[class], *block; (block = *link) != NULL;) {
        struct chunk *chunk = chunk_of(block);
        if (chunk->blocks == 0 && !chunk->trimmed && (char *)chunk != pool.chunk && count < most) {
            chunk->trimmed = true;
            chunks[count++] = chunk;
        }
        if (!chunk->trimmed) {
            link = &block->next;
            continue;
        }
        *link = block->next;
        pool.count[class]--;
    }
    if (pool.least[class] > pool.count[class])
        pool.least[class] = pool.count[class];
    return count;
}

/* A chunk has blocks of several classes: choose chunks in a first pass over all classes, and take
 * the rest of their blocks in a second. */
void secmem_trim(void)
{
    struct chunk *chunks[TRIM_MAX];
    unsigned count = 0;

    pthread_mutex_lock(&pool.mutex);
    for (int class = 0; class < SIZES; class ++)
        empty_unneeded(class);
    size_t most = unneeded() / CHUNK;
    most = most < TRIM_MAX ? most : TRIM_MAX;
    for (int pass = 0; pass < 2 && most > 0; pass++)
        for (int class = 0; class < SIZES; class ++)
            count = take_unused(class, chunks, count, pass == 0 ? (unsigned)most : 0);
    pthread_mutex_unlock(&pool.mutex);
    for (unsigned i = 0; i < count; i++)
        munmap(chunks[i], CHUNK);
}

bool secmem_is_locked(void)
{
    return !JETON_SANITIZED && !atomic_load(&unlocked);
}
