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
    SIZES = 4,             /* each twice the one before; larger blocks come from malloc() */
    CHUNK = 64 * SMALLEST, /* whole pages, and a multiple of each size */
};

struct block {
    struct block *next;
};

static struct {
    pthread_mutex_t mutex;
    struct block *free[SIZES];
    char *chunk; /* blocks are carved from this one; NULL: none */
    size_t used; /* bytes of the chunk */
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

static void *carve(size_t size)
{
    if (pool.chunk == NULL || CHUNK - pool.used < size) {
        void *chunk = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (chunk == MAP_FAILED)
            return NULL;
        lock_chunk(chunk);
        pool.chunk = chunk; /* the rest of the last chunk is given up: it is less than one block */
        pool.used = 0;
    }
    pool.used += size;
    return pool.chunk + pool.used - size;
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
    struct block *block = pool.free[class];
    if (block != NULL)
        pool.free[class] = block->next;
    else
        block = carve((size_t)SMALLEST << class);
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
    block->next = pool.free[class];
    pool.free[class] = block;
    pthread_mutex_unlock(&pool.mutex);
}

bool secmem_is_locked(void)
{
    return !JETON_SANITIZED && !atomic_load(&unlocked);
}
