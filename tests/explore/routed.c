/* SPDX-License-Identifier: Apache-2.0 */
#define ROUTED_IMPLEMENTATION
#include "tests/explore/routed.h"

#include "tests/explore/engine.h"

#define SECOND INT64_C(1000000000)

static const struct explore_mutant *mutant; /* and those that go with it */

/* A store that a mutant holds back, of each thread. */
static struct held {
    const struct explore_mutant *mutant;
    struct access access;
} held[EXPLORE_THREADS];

/* What each thread loaded last, for MUTATE_NOT_AGAIN. */
static struct loaded {
    const volatile void *at;
    uint64_t value;
} loaded[EXPLORE_THREADS];

static struct {
    _Alignas(64) uint32_t flag[EXPLORE_FLAGS];
    _Alignas(64) int64_t now;
} shared;

void routed_begin(const struct explore_mutant *m)
{
    mutant = m;
    memset(held, 0, sizeof(held));
    memset(loaded, 0, sizeof(loaded));
    memset(&shared, 0, sizeof(shared));
    shared.now = 1000 * SECOND;
}

static bool same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Return the mutant that changes this access; NULL: none. */
static const struct explore_mutant *mutant_of(struct routed_place place)
{
    if (!engine.running)
        return NULL;
    for (const struct explore_mutant *m = mutant; m != NULL; m = m->with)
        if ((m->function == NULL || same(m->function, place.function)) &&
            same(m->expression, place.expression))
            return m;
    return NULL;
}

static memory_order mutated(const struct explore_mutant *m, memory_order order, bool writes)
{
    if (m == NULL || (m->mutation != MUTATE_RELAX && m->mutation != MUTATE_WEAKEN))
        return order;
    engine.result.applied++;
    return m->mutation == MUTATE_RELAX ? memory_order_relaxed :
           writes                      ? memory_order_release :
                                         memory_order_acquire;
}

/* -- accesses --------------------------------------------------------------------------------- */

static uint64_t in_memory(const volatile void *at, size_t size)
{
    uint64_t value = 0;

    memcpy(&value, (const void *)(uintptr_t)at, size);
    return value;
}

static struct access access_to(enum access_kind kind, const volatile void *at, size_t size,
                               memory_order order, uint64_t value)
{
    at = plain_canonical(at);
    plain_atomic(at, size);
    return (struct access){
        .kind = kind,
        .at = at,
        .size = (uint8_t)size,
        .order = order,
        .value = value,
    };
}

uint64_t routed_load(const volatile void *at, size_t size, memory_order order,
                     struct routed_place place)
{
    const struct explore_mutant *m = mutant_of(place);

    if (!engine.running)
        return in_memory(at, size);
    if (m != NULL && m->mutation == MUTATE_CONSTANT) {
        engine.result.applied++;
        return (uint64_t)m->value;
    }
    struct loaded *last = &loaded[engine.current];
    if (m != NULL && m->mutation == MUTATE_NOT_AGAIN && last->at == at) {
        engine.result.applied++;
        last->at = NULL;
        return last->value;
    }
    struct access a = access_to(ACCESS_LOAD, at, size, mutated(m, order, false), 0);
    engine_step(&a);
    if (m != NULL && m->mutation == MUTATE_NOT_AGAIN)
        *last = (struct loaded){ at, a.value };
    return a.value;
}

void routed_store(volatile void *at, size_t size, uint64_t value, memory_order order,
                  struct routed_place place)
{
    const struct explore_mutant *m = mutant_of(place);

    if (!engine.running) {
        memcpy((void *)(uintptr_t)at, &value, size);
        return;
    }
    struct held *h = &held[engine.current];
    struct access a = access_to(ACCESS_STORE, at, size, mutated(m, order, true), value);
    if (m != NULL && (m->mutation == MUTATE_SKIP || m->mutation == MUTATE_CONSTANT))
        engine.result.applied++;
    if (m != NULL && m->mutation == MUTATE_SKIP)
        return;
    if (m != NULL && m->mutation == MUTATE_CONSTANT)
        a.value = (uint64_t)m->value;
    if (m != NULL && (m->mutation == MUTATE_LATE || m->mutation == MUTATE_UNLOCKED)) {
        *h = (struct held){ m, a };
        return;
    }
    engine_step(&a);
    if (h->mutant != NULL && h->mutant->mutation == MUTATE_LATE &&
        same(h->mutant->other, place.expression)) {
        engine.result.applied++;
        h->mutant = NULL;
        engine_step(&h->access);
    }
}

static uint64_t add(uint64_t old, uint64_t operand)
{
    return old + operand;
}

static uint64_t subtract(uint64_t old, uint64_t operand)
{
    return old - operand;
}

static uint64_t set(uint64_t old, uint64_t operand)
{
    return old | operand;
}

static uint64_t mask(uint64_t old, uint64_t operand)
{
    return old & operand;
}

static uint64_t replace(uint64_t old, uint64_t operand)
{
    (void)old;
    return operand;
}

uint64_t routed_change(volatile void *at, size_t size, enum routed_change change, uint64_t operand,
                       memory_order order, struct routed_place place)
{
    static uint64_t (*const changes[])(uint64_t, uint64_t) = {
        [ROUTED_ADD] = add,  [ROUTED_SUB] = subtract,     [ROUTED_OR] = set,
        [ROUTED_AND] = mask, [ROUTED_EXCHANGE] = replace,
    };
    const struct explore_mutant *m = mutant_of(place);
    uint64_t old = in_memory(at, size);

    if (!engine.running) {
        uint64_t value = changes[change](old, operand);
        memcpy((void *)(uintptr_t)at, &value, size);
        return old;
    }
    if (m != NULL && m->mutation == MUTATE_WEAKEN) {
        engine.result.applied++;
        order = memory_order_acq_rel;
    } else {
        order = mutated(m, order, true);
    }
    struct access a = access_to(ACCESS_CHANGE, at, size, order, operand);
    a.change = changes[change];
    engine_step(&a);
    return a.value;
}

void routed_fence(memory_order order, struct routed_place place)
{
    const struct explore_mutant *m = mutant_of(place);
    struct access a = { .kind = ACCESS_FENCE, .order = order };

    if (m != NULL && m->mutation == MUTATE_SKIP) {
        engine.result.applied++;
        return;
    }
    if (engine.running)
        engine_step(&a);
}

int routed_lock(pthread_mutex_t *mutex, struct routed_place place)
{
    const struct explore_mutant *m = mutant_of(place);
    struct access a = { .kind = ACCESS_LOCK, .at = mutex, .order = memory_order_acquire };

    if (m != NULL && m->mutation == MUTATE_SKIP)
        engine.result.applied++;
    else if (engine.running)
        engine_step(&a);
    return 0;
}

int routed_unlock(pthread_mutex_t *mutex, struct routed_place place)
{
    const struct explore_mutant *m = mutant_of(place);
    struct access a = { .kind = ACCESS_UNLOCK, .at = mutex, .order = memory_order_release };

    if (!engine.running || (m != NULL && m->mutation == MUTATE_SKIP))
        return 0;
    engine_step(&a);
    struct held *h = &held[engine.current];
    if (h->mutant != NULL && h->mutant->mutation == MUTATE_UNLOCKED) {
        engine.result.applied++;
        h->mutant = NULL;
        engine_step(&h->access);
    }
    return 0;
}

int64_t explore_clocks_differ;

/* -- accesses of atomic objects by operators, as the compiler calls them ------------------------ */

static const struct routed_place nowhere = { "", "" };

#define OF_OPERATORS(bits)                                                                         \
    uint##bits##_t __tsan_atomic##bits##_load(const volatile void *at, int order);                 \
    void __tsan_atomic##bits##_store(volatile void *at, uint##bits##_t value, int order);          \
    uint##bits##_t __tsan_atomic##bits##_fetch_add(volatile void *at, uint##bits##_t n,            \
                                                   int order);                                     \
    uint##bits##_t __tsan_atomic##bits##_fetch_sub(volatile void *at, uint##bits##_t n,            \
                                                   int order);                                     \
    uint##bits##_t __tsan_atomic##bits##_load(const volatile void *at, int order)                  \
    {                                                                                              \
        return (uint##bits##_t)routed_load(at, bits / 8, (memory_order)order, nowhere);            \
    }                                                                                              \
    void __tsan_atomic##bits##_store(volatile void *at, uint##bits##_t value, int order)           \
    {                                                                                              \
        routed_store(at, bits / 8, value, (memory_order)order, nowhere);                           \
    }                                                                                              \
    uint##bits##_t __tsan_atomic##bits##_fetch_add(volatile void *at, uint##bits##_t n, int order) \
    {                                                                                              \
        return (uint##bits##_t)routed_change(at, bits / 8, ROUTED_ADD, n, (memory_order)order,     \
                                             nowhere);                                             \
    }                                                                                              \
    uint##bits##_t __tsan_atomic##bits##_fetch_sub(volatile void *at, uint##bits##_t n, int order) \
    {                                                                                              \
        return (uint##bits##_t)routed_change(at, bits / 8, ROUTED_SUB, n, (memory_order)order,     \
                                             nowhere);                                             \
    }

OF_OPERATORS(8)
OF_OPERATORS(16)
OF_OPERATORS(32)
OF_OPERATORS(64)

/* -- flags and the clock ---------------------------------------------------------------------- */

void explore_signal(unsigned flag)
{
    routed_store(&shared.flag[flag], sizeof(shared.flag[flag]), 1, memory_order_release, nowhere);
}

bool explore_saw(unsigned flag)
{
    return routed_load(&shared.flag[flag], sizeof(shared.flag[flag]), memory_order_acquire,
                       nowhere) != 0;
}

int64_t explore_now(void)
{
    return (int64_t)routed_load(&shared.now, sizeof(shared.now), memory_order_seq_cst, nowhere);
}

void explore_advance(int64_t nanoseconds)
{
    routed_change(&shared.now, sizeof(shared.now), ROUTED_ADD, (uint64_t)nanoseconds,
                  memory_order_seq_cst, nowhere);
}

int routed_clock(clockid_t id, struct timespec *t)
{
    int64_t now = id == CLOCK_MONOTONIC        ? explore_now() :
                  id == CLOCK_BOOTTIME         ? explore_now() :
                  id == CLOCK_MONOTONIC_COARSE ? explore_now() + explore_clocks_differ :
                                                 1700000000 * SECOND;

    *t = (struct timespec){ now / SECOND, now % SECOND };
    return 0;
}

/* Each thread runs on a processor of its own. */
int routed_cpu(void)
{
    return engine.running ? engine.current : 0;
}
