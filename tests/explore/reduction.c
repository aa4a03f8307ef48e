/* SPDX-License-Identifier: Apache-2.0 */
/* Dynamic partial order reduction: another thread is tried at a node only if an access there and a
 * later one of that thread depend on each other.
 *
 * A load and a store of one location depend on each other in one direction only, unless both are
 * sequentially consistent: a load after the store may read older stores too, so all that it could
 * do before the store it does after it.  So only a load that came before a store must be tried
 * after it, and then only with what is new.
 *
 * Sleep sets: a thread whose next access was tried at a node need not be tried again below its
 * siblings until something happens that this access depends on.  For a load that is known down to
 * the store: `slept` is the newest that was tried, plus one. */
#include <string.h>

#include "tests/explore/engine.h"

/* What the threads depend on, as in struct event. */
static unsigned past[EXPLORE_THREADS][EXPLORE_THREADS];

void reduction_begin(void)
{
    memset(past, 0, sizeof(past));
}

static bool both_sequential(const struct access *a, const struct access *b)
{
    return a->order == memory_order_seq_cst && b->order == memory_order_seq_cst;
}

/* True if the later access would have had another effect, or another choice, before the earlier
 * one; both are of one location, by different threads. */
static bool must_be_tried_before(const struct access *earlier, const struct access *later)
{
    switch (earlier->kind) {
    case ACCESS_LOAD:
        return access_writes(later);
    case ACCESS_STORE:
    case ACCESS_CHANGE:
        return access_writes(later) ||
               (later->kind == ACCESS_LOAD && both_sequential(earlier, later));
    case ACCESS_FENCE:
        return both_sequential(earlier, later);
    case ACCESS_LOCK:
        return later->kind == ACCESS_LOCK;
    case ACCESS_UNLOCK:
        break;
    }
    return false;
}

/* True if the later one depends on that the earlier one came before it. */
static bool depends(const struct event *earlier, const struct event *later)
{
    const struct access *a = &earlier->access, *b = &later->access;

    if (b->kind == ACCESS_LOAD && access_writes(a))
        return both_sequential(a, b) || later->read_from == earlier->read_from;
    if (a->kind == ACCESS_LOAD && access_writes(b))
        return both_sequential(a, b);
    return a->kind != ACCESS_LOAD || b->kind != ACCESS_LOAD;
}

static bool happened_before(const struct event *a, const struct event *b)
{
    return a->step < b->past[a->thread];
}

/* Let the last event come before an earlier one, i.  What must then go first is: of the events
 * after i that do not depend on it, any that depends on no other of these.  Plan to try one of those
 * threads at the step of i (source sets: Abdulla and others, 2014). */
static void plan(const struct event *i, const struct event *last)
{
    struct node *n = &engine.node[i->step];
    uint8_t first = 0, seen = 0, asleep = 0;

    for (const struct event *e = i + 1; e <= last; e++) {
        uint8_t bit = (uint8_t)(1 << e->thread);
        if ((seen & bit) || (e != last && happened_before(i, e)))
            continue;
        seen |= bit;
        bool is_first = true;
        for (const struct event *g = i + 1; g < e && is_first; g++)
            is_first = happened_before(i, g) || !happened_before(g, e);
        first |= is_first ? bit : 0;
    }
    if (first & n->backtrack)
        return;
    for (int t = 0; t < EXPLORE_THREADS; t++)
        asleep |= n->slept[t] > 0 ? (uint8_t)(1 << t) : 0;
    if (first & ~asleep)
        first &= (uint8_t)~asleep;
    n->backtrack |= first & -first;
}

void reduction_note(int thread, const struct access *a, unsigned store)
{
    struct event *e = &engine.event[engine.step];
    unsigned before[EXPLORE_THREADS];

    *e = (struct event){ thread, engine.step, *a, store, a->location->last, { 0 } };
    memcpy(before, past[thread], sizeof(before));
    for (const struct event *i = e->before; i != NULL; i = i->before)
        if (i->thread != thread && i->step >= past[thread][i->thread] && depends(i, e))
            for (int t = 0; t < EXPLORE_THREADS; t++)
                if (i->past[t] > past[thread][t])
                    past[thread][t] = i->past[t];
    past[thread][thread] = engine.step + 1;
    memcpy(e->past, past[thread], sizeof(e->past));
    for (const struct event *i = e->before; i != NULL; i = i->before)
        if (i->thread != thread && i->step >= before[i->thread] &&
            must_be_tried_before(&i->access, a))
            plan(i, e);
    a->location->last = e;
}

uint16_t reduction_sleep(uint16_t slept, const struct access *next, const struct access *a)
{
    if (next == NULL || explore_unreduced)
        return 0;
    if (next->location != a->location || next->kind == ACCESS_LOAD)
        return slept; /* of a load, only the new store has not been tried */
    return a->kind != ACCESS_LOAD || both_sequential(a, next) ? 0 : slept;
}
