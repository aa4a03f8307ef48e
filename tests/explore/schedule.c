/* SPDX-License-Identifier: Apache-2.0 */
/* Depth first over all choices, by running the scenario anew for each.
 *
 * A node is a step of an execution.  At each, some thread does its next access (tried first: the
 * lowest number, so scenarios put writers first), and a load reads each store that it may, the newest
 * first.  Another thread is tried at a node only if an access there and a later one of that thread
 * depend on each other (Flanagan and Godefroid, 2005).
 *
 * A load and a store of one location depend on each other in one direction only, unless both are
 * sequentially consistent: a load after the store may read older stores too, so all that it could
 * do before the store it does after it.  So only a load that came before a store must be tried
 * after it, and then only with what is new.
 *
 * Sleep sets: a thread whose next access was tried at a node need not be tried again below its
 * siblings until something happens that this access depends on.  For a load that is known down to
 * the store: `slept` is the newest that was tried, plus one. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>

#include "tests/explore/engine.h"

enum { STEPS = 16384, STACK = 128 * 1024, ALWAYS = 65535 };

struct node {
    int8_t thread;
    uint8_t enabled, backtrack, done; /* sets of threads */
    uint16_t choice, choices;         /* of stores to read, from the newest on */
    uint16_t stores;                  /* that there are */
    uint16_t slept[EXPLORE_THREADS];  /* 0: awake */
};

struct engine engine;

static const struct explore_scenario *scenario;
static struct node node[STEPS];
static struct event event[STEPS];
static unsigned nodes, step; /* nodes of the path to be followed, and how far it was followed */
static uint16_t slept[EXPLORE_THREADS];
static struct coroutine {
    ucontext_t context;
    struct access *next; /* NULL: it has ended */
    unsigned past[EXPLORE_THREADS];
    char stack[STACK];
} coroutine[EXPLORE_THREADS];
static ucontext_t outside;
static bool starting;

bool explore_unreduced;

/* -- failures --------------------------------------------------------------------------------- */

/* Why an execution was left. */
static volatile enum end { GOES_ON, ENDED, CUT, FAILED } end;

static void leave(enum end how)
{
    end = how;
    engine.running = false;
    setcontext(&outside);
}

void explore_fail(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(engine.result.failure, sizeof(engine.result.failure), format, arguments);
    va_end(arguments);
    engine.result.failed = true;
    if (!engine.running)
        fprintf(stderr, "outside of a thread: %s\n", engine.result.failure);
    leave(FAILED);
    __builtin_unreachable();
}

void explore_assume(bool condition)
{
    if (!condition)
        leave(CUT);
}

/* -- dependence ------------------------------------------------------------------------------- */

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
    struct node *n = &node[i->step];
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

/* Note the access and what it depends on, and plan what else must be tried because of it. */
static void note(int thread, struct access *a, unsigned store)
{
    struct event *e = &event[step];
    struct coroutine *c = &coroutine[thread];
    unsigned before[EXPLORE_THREADS];

    *e = (struct event){ thread, step, *a, store, a->location->last, { 0 } };
    memcpy(before, c->past, sizeof(before));
    for (const struct event *i = e->before; i != NULL; i = i->before)
        if (i->thread != thread && i->step >= c->past[i->thread] && depends(i, e))
            for (int t = 0; t < EXPLORE_THREADS; t++)
                if (i->past[t] > c->past[t])
                    c->past[t] = i->past[t];
    c->past[thread] = step + 1;
    memcpy(e->past, c->past, sizeof(e->past));
    for (const struct event *i = e->before; i != NULL; i = i->before)
        if (i->thread != thread && i->step >= before[i->thread] &&
            must_be_tried_before(&i->access, a))
            plan(i, e);
    a->location->last = e;
}

/* -- sleeping --------------------------------------------------------------------------------- */

/* Wake the threads whose next access depends on this one; a load may sleep on, as only the new
 * store has not been tried. */
static void wake(int thread, const struct access *a, const struct node *n)
{
    for (int t = 0; t < EXPLORE_THREADS; t++) {
        const struct access *next = coroutine[t].next;
        slept[t] = t == thread || next == NULL || explore_unreduced ? 0 : n->slept[t];
        if (slept[t] == 0 || next->location != a->location || next->kind == ACCESS_LOAD)
            continue;
        if (a->kind != ACCESS_LOAD || both_sequential(a, next))
            slept[t] = 0;
    }
}

/* Find the store that the nth choice of a load reads, from the newest on; a store before `slept` was
 * tried.  So was one with the value of an older one that may be read too: who read that knows less,
 * and may go on in all the same ways.  Return false if there are not as many. */
static bool find_store(int thread, const struct access *a, unsigned sleeps, unsigned nth,
                       unsigned *store)
{
    unsigned oldest = model_oldest(thread, a);

    for (unsigned i = a->location->stores + 1; i-- > (sleeps > oldest ? sleeps : oldest);) {
        bool repeats = false;
        for (unsigned older = oldest; older < i && !repeats && !explore_unreduced; older++)
            repeats = model_value(a, older) == model_value(a, i);
        if (repeats || nth-- > 0)
            continue;
        *store = i;
        return true;
    }
    return false;
}

/* Return how many choices the thread's next access has: 0 if it was tried. */
static unsigned choices_of(int thread, uint16_t sleeps)
{
    const struct access *a = coroutine[thread].next;
    unsigned choices = 0, store;

    if (a->kind != ACCESS_LOAD)
        return sleeps == 0;
    while (find_store(thread, a, sleeps, choices, &store))
        choices++;
    return choices;
}

/* -- choosing --------------------------------------------------------------------------------- */

static bool is_enabled(int thread)
{
    const struct access *a = coroutine[thread].next;

    return a != NULL && (a->kind != ACCESS_LOCK || a->location->holder < 0);
}

static void new_node(void)
{
    struct node *n = &node[nodes];
    bool waiting = false;

    if (nodes == STEPS)
        explore_fail("more than %d accesses", STEPS);
    *n = (struct node){ .thread = -1 };
    memcpy(n->slept, slept, sizeof(slept));
    for (int t = EXPLORE_THREADS - 1; t >= 0; t--) {
        waiting = waiting || coroutine[t].next != NULL;
        if (!is_enabled(t))
            continue;
        n->enabled |= (uint8_t)(1 << t);
        unsigned choices = choices_of(t, slept[t]);
        if (choices == 0)
            continue;
        n->thread = (int8_t)t;
        n->choices = (uint16_t)choices;
    }
    if (n->enabled == 0 && waiting)
        explore_fail("all threads wait for each other");
    if (n->thread < 0)
        leave(waiting ? CUT : ENDED);
    n->backtrack = explore_unreduced ? n->enabled : (uint8_t)(1 << n->thread);
    nodes++;
}

static void resume(int thread)
{
    int from = engine.current;

    engine.current = thread;
    if (from < 0)
        setcontext(&coroutine[thread].context);
    else if (from != thread)
        swapcontext(&coroutine[from].context, &coroutine[thread].context);
}

/* Let that thread go on whose turn it is. */
static void take_turn(void)
{
    if (step == nodes)
        new_node();
    struct node *n = &node[step];
    if (n->choices == 0) /* the thread was planned when another was tried here */
        n->choices = (uint16_t)choices_of(n->thread, n->slept[n->thread]);
    if (n->choices == 0)
        leave(CUT);
    resume(n->thread);
}

void engine_step(struct access *a)
{
    int me = engine.current;

    a->location = model_location(a->at);
    coroutine[me].next = a;
    if (starting)
        swapcontext(&coroutine[me].context, &outside);
    else
        take_turn();
    struct node *n = &node[step];
    unsigned store = a->location->stores + 1; /* its own, if it stores */
    n->stores = (uint16_t)a->location->stores;
    if (a->kind == ACCESS_LOAD && !find_store(me, a, n->slept[me], n->choice, &store))
        explore_fail("the scenario does not repeat itself");
    note(me, a, store);
    model_do(me, a, store);
    wake(me, a, n);
    step++;
}

/* -- one execution ---------------------------------------------------------------------------- */

static void run_thread(int thread)
{
    scenario->thread[thread]();
    coroutine[thread].next = NULL;
    if (starting)
        setcontext(&outside);
    take_turn();
    __builtin_unreachable();
}

static void start(int thread)
{
    struct coroutine *c = &coroutine[thread];

    c->next = NULL;
    memset(c->past, 0, sizeof(c->past));
    c->context.uc_stack.ss_sp = c->stack;
    c->context.uc_stack.ss_size = STACK;
    makecontext(&c->context, (void (*)(void))run_thread, 1, thread);
    engine.current = thread;
    starting = true;
    swapcontext(&outside, &c->context);
    starting = false;
}

static enum end run(const struct explore_mutant *mutant)
{
    engine.execution++;
    plain_begin();
    model_begin();
    routed_begin(mutant);
    memset(slept, 0, sizeof(slept));
    step = 0;
    scenario->setup();
    engine.running = true;
    end = GOES_ON;
    for (int t = 0; t < EXPLORE_THREADS; t++)
        coroutine[t].next = NULL;
    for (int t = 0; t < EXPLORE_THREADS && scenario->thread[t] != NULL && end == GOES_ON; t++)
        start(t);
    engine.current = -1;
    if (end == GOES_ON)
        getcontext(&outside); /* leave() comes back here */
    if (end == GOES_ON)
        take_turn();
    engine.running = false;
    return end;
}

/* -- all executions --------------------------------------------------------------------------- */

/* Make the path to the next execution; false: there is none. */
static bool next_path(void)
{
    for (; nodes > 0; nodes--) {
        struct node *n = &node[nodes - 1];
        if (n->choice + 1u < n->choices) {
            n->choice++;
            return true;
        }
        n->done |= (uint8_t)(1 << n->thread);
        const struct event *e = &event[nodes - 1];
        if (n->choices > 0)
            n->slept[n->thread] = e->access.kind == ACCESS_LOAD ?
                                      (uint16_t)(e->read_from + n->choice + 1) :
                                      ALWAYS;
        for (int t = 0; t < EXPLORE_THREADS; t++)
            if (n->backtrack & ~n->done & 1 << t) {
                n->thread = (int8_t)t;
                n->choice = n->choices = 0;
                return true;
            }
    }
    return false;
}

struct explore_result explore(const struct explore_scenario *s, const struct explore_mutant *mutant)
{
    static bool prepared;

    for (int t = 0; t < EXPLORE_THREADS && !prepared; t++)
        getcontext(&coroutine[t].context);
    prepared = true;
    engine.result = (struct explore_result){ 0 };
    scenario = s;
    nodes = 0;
    do {
        enum end how = run(mutant);
        engine.result.executions += how == ENDED;
        engine.result.cut += how == CUT;
        if (step > engine.result.longest)
            engine.result.longest = step;
    } while (!engine.result.failed && next_path());
    return engine.result;
}
