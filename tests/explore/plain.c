/* SPDX-License-Identifier: Apache-2.0 */
/* Memory: allocations, mappings, and plain accesses to both, which -fsanitize=thread makes known.
 *
 * An access must be ordered by happens-before with each conflicting one of another thread, and with
 * the freeing or unmapping: that is so if the thread's view has the other's clock. */
#define ROUTED_IMPLEMENTATION
#include <linux/magic.h>

#include "tests/explore/engine.h"
#include "tests/explore/routed.h"

enum { HEAP = 1 << 20, REGIONS = 6, REGION = 128 * 1024, ALIASES = 4, GRAIN = 8, FIRST_FD = 100 };
enum { CLEARED = 16 * 1024 }; /* of a region: header, slots and the strings of a test */

/* The last accesses to a piece of memory. */
struct grain {
    unsigned execution;
    int8_t writer; /* -1: none */
    bool freed;
    uint32_t written;
    uint32_t read[EXPLORE_THREADS];
};

/* One mapping of a region, at an address of its own. */
struct alias {
    bool mapped, unmapped;
    int by; /* who unmapped it, and when */
    uint32_t when;
    uint32_t used[EXPLORE_THREADS];
};

static _Alignas(4096) char heap[HEAP];
static size_t heap_used;
static struct grain heap_grain[HEAP / GRAIN], region_grain[REGIONS * REGION / GRAIN];
static char *pool[ALIASES]; /* all regions, mapped several times */
static struct alias alias[REGIONS][ALIASES];
static unsigned regions;
static struct {
    uintptr_t at;
    size_t size;
} allocation[256];
static unsigned allocations;

static void make_pool(void)
{
    int fd = memfd_create("explore", 0);

    if (fd < 0 || ftruncate(fd, REGIONS * REGION) < 0)
        abort();
    for (int i = 0; i < ALIASES; i++) {
        pool[i] = mmap(NULL, REGIONS * REGION, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (pool[i] == MAP_FAILED)
            abort();
    }
    close(fd);
}

void plain_begin(void)
{
    if (pool[0] == NULL)
        make_pool();
    for (unsigned i = 0; i < regions; i++)
        memset(pool[0] + (size_t)i * REGION, 0, CLEARED);
    memset(alias, 0, sizeof(alias));
    heap_used = allocations = regions = 0;
}

static bool before(int thread, uint32_t clock)
{
    return clock <= model_view(engine.current)->clock[thread];
}

static uint32_t *clock_now(void)
{
    return &model_view(engine.current)->clock[engine.current];
}

/* -- mappings --------------------------------------------------------------------------------- */

static bool in_region(const volatile void *at, unsigned *number, unsigned *region, size_t *offset)
{
    for (unsigned i = 0; i < ALIASES; i++) {
        size_t from = (size_t)((uintptr_t)at - (uintptr_t)pool[i]);
        if (from >= (size_t)REGIONS * REGION)
            continue;
        *number = i;
        *region = (unsigned)(from / REGION);
        *offset = from;
        return true;
    }
    return false;
}

const volatile void *plain_canonical(const volatile void *at)
{
    unsigned number, region;
    size_t offset;

    if (!in_region(at, &number, &region, &offset))
        return at;
    struct alias *a = &alias[region][number];
    if (engine.running) {
        if (a->unmapped)
            explore_fail("a mapping is used after it was unmapped");
        a->used[engine.current] = *clock_now() + 1; /* of the access that is about to be made */
    }
    return pool[0] + offset;
}

void *routed_mmap(size_t size, int flags, int fd)
{
    unsigned region = (unsigned)(fd - FIRST_FD) % REGIONS;

    if (flags & MAP_ANONYMOUS)
        return routed_allocate(64, size);
    for (int i = 0; i < ALIASES; i++)
        if (!alias[region][i].mapped) {
            alias[region][i].mapped = true;
            return pool[i] + (size_t)region * REGION;
        }
    explore_fail("too many mappings");
}

int routed_munmap(void *at, size_t size)
{
    unsigned number, region;
    size_t offset;

    (void)size;
    if (!in_region(at, &number, &region, &offset)) {
        routed_free(at);
        return 0;
    }
    struct alias *a = &alias[region][number];
    for (int t = 0; t < EXPLORE_THREADS && engine.running; t++)
        if (t != engine.current && !before(t, a->used[t]))
            explore_fail("a mapping is unmapped while another thread may use it");
    a->unmapped = true;
    return 0;
}

int routed_memfd(void)
{
    if (regions == REGIONS)
        explore_fail("too many memfds");
    return FIRST_FD + (int)regions++;
}

/* A descriptor is its region's number; one that was opened anew has REGIONS added. */
int routed_open(const char *path)
{
    int fd;

    if (sscanf(path, "/proc/self/fd/%d", &fd) != 1)
        explore_fail("what is %s?", path);
    return fd + REGIONS;
}

int routed_close(int fd)
{
    (void)fd;
    return 0;
}

int routed_fcntl(int fd, int what)
{
    (void)fd;
    return what == F_GET_SEALS ? F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL :
                                 0;
}

/* The size is in the table's header, which table_view.c compares with this. */
int routed_fstat(int fd, struct stat *st)
{
    unsigned region = (unsigned)(fd - FIRST_FD) % REGIONS;
    uint64_t size;

    memcpy(&size, pool[0] + (size_t)region * REGION + 40, sizeof(size));
    *st = (struct stat){ .st_mode = S_IFREG | 0444, .st_size = (off_t)size };
    return 0;
}

int routed_fstatfs(int fd, struct statfs *st)
{
    (void)fd;
    *st = (struct statfs){ .f_type = TMPFS_MAGIC };
    return 0;
}

/* -- plain accesses --------------------------------------------------------------------------- */

static struct grain *grain_of(const volatile void *at)
{
    size_t offset = (size_t)((uintptr_t)at - (uintptr_t)heap);
    struct grain *g;

    if (offset < HEAP)
        g = &heap_grain[offset / GRAIN];
    else if ((offset = (size_t)((uintptr_t)at - (uintptr_t)pool[0])) < (size_t)REGIONS * REGION)
        g = &region_grain[offset / GRAIN];
    else
        return NULL;
    if (g->execution != engine.execution)
        *g = (struct grain){ .execution = engine.execution, .writer = -1 };
    return g;
}

static void check(struct grain *g, bool writes)
{
    int me = engine.current;

    if (g->freed)
        explore_fail("memory is used after it was freed");
    if (g->writer >= 0 && g->writer != me && !before(g->writer, g->written))
        explore_fail("a plain access conflicts with another thread's write");
    for (int t = 0; t < EXPLORE_THREADS && writes; t++)
        if (t != me && !before(t, g->read[t]))
            explore_fail("a plain write conflicts with another thread's read");
    if (writes) {
        g->writer = (int8_t)me;
        g->written = *clock_now();
    } else {
        g->read[me] = *clock_now();
    }
}

static void plain(const volatile void *at, size_t size, bool writes)
{
    if (!engine.running || engine.current < 0)
        return;
    ++*clock_now();
    at = plain_canonical(at);
    for (size_t i = 0; i < size; i += GRAIN) {
        struct grain *g = grain_of((const volatile char *)at + i);
        if (g == NULL)
            return;
        check(g, writes);
    }
}

void plain_atomic(const volatile void *at, size_t size)
{
    (void)size;
    struct grain *g = engine.running ? grain_of(at) : NULL;

    if (g != NULL && g->freed)
        explore_fail("memory is used after it was freed");
    if (g != NULL && g->writer >= 0 && g->writer != engine.current &&
        !before(g->writer, g->written))
        explore_fail("an atomic access conflicts with another thread's plain write");
    if (g != NULL)
        g->read[engine.current] = *clock_now() + 1;
}

/* -- the heap --------------------------------------------------------------------------------- */

void *routed_allocate(size_t alignment, size_t size)
{
    heap_used = (heap_used + alignment - 1) / alignment * alignment;
    size = (size + 15) / 16 * 16;
    if (heap_used + size > HEAP || allocations == sizeof(allocation) / sizeof(allocation[0]))
        explore_fail("too many allocations");
    void *at = heap + heap_used;
    heap_used += size;
    memset(at, 0, size);
    allocation[allocations].at = (uintptr_t)at;
    allocation[allocations++].size = size;
    return at;
}

void routed_free(void *at)
{
    if (at == NULL || !engine.running)
        return;
    for (unsigned i = 0; i < allocations; i++)
        if (allocation[i].at == (uintptr_t)at) {
            plain(at, allocation[i].size, true);
            for (size_t b = 0; b < allocation[i].size; b += GRAIN)
                grain_of((char *)at + b)->freed = true;
            return;
        }
    explore_fail("what was not allocated is freed");
}

void *routed_copy(void *to, const void *from, size_t size)
{
    plain(from, size, false);
    plain(to, size, true);
    return memcpy(to, from, size);
}

int routed_compare(const void *a, const void *b, size_t size)
{
    plain(a, size, false);
    plain(b, size, false);
    return memcmp(a, b, size);
}

/* -- what the compiler calls ------------------------------------------------------------------ */

#define READS_AND_WRITES(bits, bytes)            \
    void __tsan_read##bits(void *at);            \
    void __tsan_write##bits(void *at);           \
    void __tsan_unaligned_read##bits(void *at);  \
    void __tsan_unaligned_write##bits(void *at); \
    void __tsan_read##bits(void *at)             \
    {                                            \
        plain(at, bytes, false);                 \
    }                                            \
    void __tsan_write##bits(void *at)            \
    {                                            \
        plain(at, bytes, true);                  \
    }                                            \
    void __tsan_unaligned_read##bits(void *at)   \
    {                                            \
        plain(at, bytes, false);                 \
    }                                            \
    void __tsan_unaligned_write##bits(void *at)  \
    {                                            \
        plain(at, bytes, true);                  \
    }

READS_AND_WRITES(1, 1)
READS_AND_WRITES(2, 2)
READS_AND_WRITES(4, 4)
READS_AND_WRITES(8, 8)
READS_AND_WRITES(16, 16)

void __tsan_read_range(void *at, size_t size);
void __tsan_write_range(void *at, size_t size);
void __tsan_init(void);
void __tsan_func_entry(void *caller);
void __tsan_func_exit(void);

void __tsan_read_range(void *at, size_t size)
{
    plain(at, size, false);
}

void __tsan_write_range(void *at, size_t size)
{
    plain(at, size, true);
}

void __tsan_init(void)
{
}

void __tsan_func_entry(void *caller)
{
    (void)caller;
}

void __tsan_func_exit(void)
{
}
