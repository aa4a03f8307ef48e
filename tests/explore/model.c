/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "tests/explore/engine.h"

enum { TABLE = 8192, MESSAGES = 2048 };

/* A store: its value, and the view that it hands on. */
struct message {
    uint64_t value;
    struct view view;
    int thread;
    uint32_t clock; /* of the thread */
    bool relaxed;
};

static struct location table[TABLE];
static struct message message[MESSAGES];
static unsigned messages, slots;
static struct view view[EXPLORE_THREADS];
static struct view acquired[EXPLORE_THREADS]; /* what an acquire fence takes over */
static struct view released[EXPLORE_THREADS]; /* what stores after a release fence hand on */
static struct view sequential;                /* of the fences that are sequentially consistent */

void model_begin(void)
{
    messages = slots = 0;
    memset(view, 0, sizeof(view));
    memset(acquired, 0, sizeof(acquired));
    memset(released, 0, sizeof(released));
    memset(&sequential, 0, sizeof(sequential));
}

struct view *model_view(int thread)
{
    return &view[thread];
}

static void join(struct view *to, const struct view *from)
{
    for (unsigned i = 0; i < slots; i++)
        if (from->oldest[i] > to->oldest[i])
            to->oldest[i] = from->oldest[i];
    for (unsigned i = 0; i < EXPLORE_THREADS; i++)
        if (from->clock[i] > to->clock[i])
            to->clock[i] = from->clock[i];
}

struct location *model_location(const volatile void *at)
{
    size_t i = (uintptr_t)at / 4 * 2654435761u % TABLE;

    while (table[i].execution == engine.execution && table[i].at != at)
        i = (i + 1) % TABLE;
    struct location *l = &table[i];
    if (l->execution != engine.execution) {
        l->at = at;
        l->execution = engine.execution;
        l->slot = -1;
        l->stores = l->sequential = 0;
        l->last = NULL;
        l->holder = -1;
        l->released = 0;
    }
    return l;
}

static bool is_sequential(const struct access *a)
{
    return a->order == memory_order_seq_cst;
}

static bool acquires(memory_order order)
{
    return order == memory_order_acquire || order == memory_order_acq_rel ||
           order == memory_order_seq_cst || order == memory_order_consume;
}

static bool releases(memory_order order)
{
    return order == memory_order_release || order == memory_order_acq_rel ||
           order == memory_order_seq_cst;
}

unsigned model_oldest(int thread, const struct access *a)
{
    const struct location *l = a->location;
    unsigned oldest = l->slot >= 0 ? view[thread].oldest[l->slot] : 0;

    if (a->kind == ACCESS_CHANGE)
        return l->stores;
    return is_sequential(a) && l->sequential > oldest ? l->sequential : oldest;
}

static uint64_t value_in_memory(const struct access *a)
{
    uint64_t value = 0;

    memcpy(&value, (const void *)(uintptr_t)a->at, a->size);
    return value;
}

uint64_t model_value(const struct access *a, unsigned store)
{
    return store == 0 ? value_in_memory(a) : message[a->location->message[store]].value;
}

static void load(int thread, struct access *a, unsigned store)
{
    struct location *l = a->location;

    if (l->slot >= 0)
        view[thread].oldest[l->slot] = (uint16_t)store;
    if (store == 0) {
        a->value = value_in_memory(a);
        return;
    }
    const struct message *m = &message[l->message[store]];
    a->value = m->value;
    join(acquires(a->order) ? &view[thread] : &acquired[thread], &m->view);
}

/* Stores that nothing orders have more modification orders than that of execution; that makes no
 * difference only if they store the same and hand nothing on. */
static void check_order(int thread, const struct access *a)
{
    const struct location *l = a->location;
    const struct message *m = l->stores > 0 ? &message[l->message[l->stores]] : NULL;

    if (m != NULL && m->thread != thread && m->clock > view[thread].clock[m->thread] &&
        (m->value != a->value || a->order != memory_order_relaxed || !m->relaxed))
        explore_fail("two threads store to one location, and nothing orders them");
}

static void store(int thread, struct access *a, uint64_t value)
{
    struct location *l = a->location;
    const struct message *before = l->stores > 0 ? &message[l->message[l->stores]] : NULL;

    if (l->slot < 0)
        l->slot = (int)slots++;
    if (slots > ENGINE_LOCATIONS || messages == MESSAGES ||
        l->stores + 1 == sizeof(l->message) / sizeof(l->message[0]))
        explore_fail("the explorer is too small for this");
    struct message *m = &message[messages];
    l->message[++l->stores] = (uint16_t)messages++;
    view[thread].oldest[l->slot] = (uint16_t)l->stores;
    m->value = value;
    m->thread = thread;
    m->relaxed = a->order == memory_order_relaxed;
    m->clock = view[thread].clock[thread];
    m->view = releases(a->order) ? view[thread] : released[thread];
    m->view.oldest[l->slot] = (uint16_t)l->stores;
    if (a->kind == ACCESS_CHANGE && before != NULL)
        join(&m->view, &before->view); /* it goes on with the other's release sequence */
    if (is_sequential(a))
        l->sequential = l->stores;
}

static void fence(int thread, memory_order order)
{
    if (acquires(order))
        join(&view[thread], &acquired[thread]);
    if (order == memory_order_seq_cst) {
        join(&view[thread], &sequential);
        sequential = view[thread];
    }
    if (releases(order))
        released[thread] = view[thread];
}

void model_do(int thread, struct access *a, unsigned number)
{
    struct location *l = a->location;
    uint64_t operand = a->value;

    view[thread].clock[thread]++;
    switch (a->kind) {
    case ACCESS_LOAD:
        load(thread, a, number);
        break;
    case ACCESS_STORE:
        check_order(thread, a);
        store(thread, a, a->value);
        break;
    case ACCESS_CHANGE:
        load(thread, a, l->stores);
        store(thread, a, a->change(a->value, operand));
        break;
    case ACCESS_FENCE:
        fence(thread, a->order);
        break;
    case ACCESS_LOCK:
        l->holder = thread;
        if (l->released > 0)
            join(&view[thread], &message[l->released - 1].view);
        break;
    case ACCESS_UNLOCK:
        l->holder = -1;
        if (messages == MESSAGES)
            explore_fail("the explorer is too small for this");
        message[messages].view = view[thread];
        l->released = (uint16_t)++messages;
        break;
    }
}
