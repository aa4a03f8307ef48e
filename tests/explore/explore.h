/* SPDX-License-Identifier: Apache-2.0 */
/* Explore every behaviour of a few threads under C11's memory model.
 *
 * The real sources are compiled with routed.h, so that their atomic accesses, locks, allocations and
 * system calls come here.  Threads are coroutines.  An execution is a choice of which thread goes on
 * at each access, and, for each load, of which store it reads from among those that the model
 * allows; the explorer runs them all, but for those that differ only in the order of accesses that
 * do not depend on each other (dynamic partial order reduction with sleep sets).
 *
 * The model: each location has its stores in modification order; each thread has a view, the oldest
 * store of each location that it may still read.  A release store (or a fence before it) hands its
 * thread's view on, an acquire load (or a fence after it) takes it over.  Sequentially consistent
 * accesses have one order, that of execution.  That is C17's model without executions in which a
 * load reads from a store that depends on it, or comes after it in its own thread; no hardware or
 * compiler that we build for makes use of those for these accesses.  Stores of one location by
 * several threads must be ordered by happens-before (locks are), or else the check is not
 * exhaustive and fails.
 *
 * Plain accesses of the real code are checked too: two that conflict must be ordered by
 * happens-before, and memory must not be used after it was freed or unmapped. */
#ifndef JETON_EXPLORE_H
#define JETON_EXPLORE_H

#include <stdbool.h>
#include <stdint.h>

enum { EXPLORE_THREADS = 4, EXPLORE_FLAGS = 4 };

struct explore_scenario {
    const char *name;
    void (*setup)(void);                   /* alone, before the threads */
    void (*thread[EXPLORE_THREADS])(void); /* NULL from the end on */
};

/* A fault that is put into the real code for one exploration. */
struct explore_mutant {
    const char *name;
    enum explore_mutation {
        MUTATE_RELAX,     /* the access is relaxed */
        MUTATE_WEAKEN,    /* the access is not sequentially consistent, but acquire or release */
        MUTATE_SKIP,      /* the store, or the lock, is left out */
        MUTATE_NOT_AGAIN, /* the load is left out: it gives what the thread last loaded there */
        MUTATE_LATE,      /* the store comes after the next one to `other` */
        MUTATE_UNLOCKED,  /* the store comes after the lock is released */
        MUTATE_CONSTANT,  /* the load gives, or the store stores, `value` */
    } mutation;
    const char *function;   /* of the real code; NULL: any */
    const char *expression; /* the access's first argument, as it is written there */
    const char *other;
    int64_t value;
    const struct explore_mutant *with; /* another that is put in at the same time; or NULL */
};

struct explore_result {
    uint64_t executions; /* that came to an end */
    uint64_t cut;        /* that were seen to repeat another, or to lead nowhere */
    unsigned longest;    /* accesses in one */
    unsigned applied;    /* accesses that the mutant changed */
    bool failed;
    char failure[256];
};

/* Explore all executions, up to the first that fails.  `mutant`: NULL for the code as it is. */
struct explore_result explore(const struct explore_scenario *scenario,
                              const struct explore_mutant *mutant);

/* Run each order of all accesses, to try the explorer itself. */
extern bool explore_unreduced;

/* -- for threads of a scenario ---------------------------------------------------------------- */

#define explore_check(condition, text) \
    ((condition) ? (void)0 : explore_fail("%s, line %d: %s", __func__, __LINE__, text))

__attribute__((format(printf, 1, 2), noreturn)) void explore_fail(const char *format, ...);

/* Give up this execution: it is of no interest. */
void explore_assume(bool condition);

/* Set a flag with release order, and look whether it is set, with acquire order: as a message from
 * one process to another. */
void explore_signal(unsigned flag);
bool explore_saw(unsigned flag);

/* The monotonic clock, nanoseconds; all threads see the same. */
int64_t explore_now(void);
void explore_advance(int64_t nanoseconds);

/* What the coarse clock, which clients read, is ahead of the other: they may live in a time namespace.
 * Set by a scenario's setup. */
extern int64_t explore_clocks_differ;

#endif
