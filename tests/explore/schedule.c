/* SPDX-License-Identifier: Apache-2.0 */
/* Depth first over all choices, by running the scenario anew for each.
 *
 * A node is a step of an execution.  At each, some thread does its next access (tried first: the
 * lowest number, so scenarios put writers first), and a load reads each store that it may, the newest
 * first.  Which other threads are tried at a node is up to reduction.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>

#include "tests/explore/engine.h"

enum { STACK = 128 * 1024, ALWAYS = 65535 };

struct engine engine;

static const struct explore_scenario *scenario;
static unsigned nodes; /* of the path to be followed */
static uint16_t slept[EXPLORE_THREADS];
static struct coroutine {
    ucontext_t begin; /* only to begin: a jump costs no system call */
    jmp_buf at;
    struct access *next; /* NULL: it has ended */
    char stack[STACK];
} coroutine[EXPLORE_THREADS];
static jmp_buf outside;
static bool starting;

bool explore_unreduced;

/* -- failures --------------------------------------------------------------------------------- */

/* Why an execution was left. */
static volatile enum end { GOES_ON, ENDED, CUT, FAILED } end;

static void leave(enum end how)
{
    end = how;
    engine.running = false;
    _longjmp(outside, 1);
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

/* -- sleeping --------------------------------------------------------------------------------- */

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
    struct node *n = &engine.node[nodes];
    bool waiting = false;

    if (nodes == ENGINE_STEPS)
        explore_fail("more than %d accesses", ENGINE_STEPS);
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
        _longjmp(coroutine[thread].at, 1);
    else if (from != thread && _setjmp(coroutine[from].at) == 0)
        _longjmp(coroutine[thread].at, 1);
}

/* Let that thread go on whose turn it is. */
static void take_turn(void)
{
    if (engine.step == nodes)
        new_node();
    struct node *n = &engine.node[engine.step];
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
    if (!starting)
        take_turn();
    else if (_setjmp(coroutine[me].at) == 0)
        _longjmp(outside, 1);
    struct node *n = &engine.node[engine.step];
    unsigned store = a->location->stores + 1; /* its own, if it stores */
    n->stores = (uint16_t)a->location->stores;
    if (a->kind == ACCESS_LOAD && !find_store(me, a, n->slept[me], n->choice, &store))
        explore_fail("the scenario does not repeat itself");
    reduction_note(me, a, store);
    model_do(me, a, store);
    for (int t = 0; t < EXPLORE_THREADS; t++)
        slept[t] = t == me ? 0 : reduction_sleep(n->slept[t], coroutine[t].next, a);
    engine.step++;
}

/* -- one execution ---------------------------------------------------------------------------- */

static void run_thread(int thread)
{
    scenario->thread[thread]();
    coroutine[thread].next = NULL;
    if (starting)
        _longjmp(outside, 1);
    take_turn();
    __builtin_unreachable();
}

static void start(int thread)
{
    struct coroutine *c = &coroutine[thread];

    c->next = NULL;
    c->begin.uc_stack.ss_sp = c->stack;
    c->begin.uc_stack.ss_size = STACK;
    makecontext(&c->begin, (void (*)(void))run_thread, 1, thread);
    engine.current = thread;
    starting = true;
    if (_setjmp(outside) == 0)
        setcontext(&c->begin);
    starting = false;
}

static enum end run(const struct explore_mutant *mutant)
{
    engine.execution++;
    plain_begin();
    model_begin();
    routed_begin(mutant);
    reduction_begin();
    memset(slept, 0, sizeof(slept));
    engine.step = 0;
    scenario->setup();
    engine.running = true;
    end = GOES_ON;
    for (int t = 0; t < EXPLORE_THREADS; t++)
        coroutine[t].next = NULL;
    for (int t = 0; t < EXPLORE_THREADS && scenario->thread[t] != NULL && end == GOES_ON; t++)
        start(t);
    engine.current = -1;
    if (end == GOES_ON && _setjmp(outside) == 0) /* leave() comes back here */
        take_turn();
    engine.running = false;
    return end;
}

/* -- all executions --------------------------------------------------------------------------- */

/* Make the path to the next execution; false: there is none. */
static bool next_path(void)
{
    for (; nodes > 0; nodes--) {
        struct node *n = &engine.node[nodes - 1];
        if (n->choice + 1u < n->choices) {
            n->choice++;
            return true;
        }
        n->done |= (uint8_t)(1 << n->thread);
        const struct event *e = &engine.event[nodes - 1];
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
        getcontext(&coroutine[t].begin);
    prepared = true;
    engine.result = (struct explore_result){ 0 };
    scenario = s;
    nodes = 0;
    do {
        enum end how = run(mutant);
        engine.result.executions += how == ENDED;
        engine.result.cut += how == CUT;
        if (engine.step > engine.result.longest)
            engine.result.longest = engine.step;
    } while (!engine.result.failed && next_path());
    return engine.result;
}
