/* SPDX-License-Identifier: Apache-2.0 */
/* The stacks in use, which are replaced while worker threads read them, without locks (as in RCU).
 *
 * The main thread owns the set: it offers new stacks to the readers, and frees old ones
 * once no reader uses them, no evaluation holds them, and their verifiers' threads have ended.  A
 * verifier that hangs for ever keeps its stacks in memory.
 * Each worker has one reader, and takes the newest stacks when it has no pointer into older
 * ones. */
#ifndef JETON_DAEMON_VERIFY_STACK_SET_H
#define JETON_DAEMON_VERIFY_STACK_SET_H

#include "daemon/verify/stack.h"

/* One worker's slot, in a cache line of its own.  The main thread writes `offered`, the worker
 * `used`; both read both. */
struct stack_reader {
    _Alignas(64) _Atomic(struct stacks *) offered;
    _Atomic(struct stacks *) used; /* NULL: none yet */
};

/* The main thread's, but for the readers. */
struct stack_set {
    struct stacks *current;
    struct stacks *replaced; /* newest first */
    bool settled;            /* all readers use the current stacks */
    bool terms_changed;      /* by a replacement, since the caller last cleared this */
    size_t readers;
    struct stack_reader reader[];
};

/* Make a set with its first stacks.  NULL: *problem says why. */
struct stack_set *stack_set_new(size_t readers, const struct config *c, struct metrics *metrics,
                                struct problem *problem);

/* Take new stacks over and offer them to the readers; the caller then wakes the workers. */
void stack_set_replace(struct stack_set *set, struct stacks *new);

/* Check whether all readers use the current stacks, and free what is no longer used.  True: they
 * do; call it now and then nevertheless, until nothing is left to free. */
bool stack_set_step(struct stack_set *set);

/* End the threads of all verifiers; jobs that wait are returned to their senders.  The workers'
 * threads must have ended.  False: some verifier has not returned within a second. */
bool stack_set_end(struct stack_set *set);

/* Free the set, except stacks whose verifiers still run.  The workers' sessions must be freed. */
void stack_set_free(struct stack_set *set);

/* -- the worker's side ----------------------------------------------------------------------- */

/* Take the newest stacks; those taken before may then be freed, unless they are held.  Look again
 * after storing what is used: the main thread stores what it offers, then looks at what is used, so
 * one of the two always sees the other's store. */
static inline const struct stacks *stack_set_enter(struct stack_reader *reader)
{
    struct stacks *used = atomic_load_explicit(&reader->used, memory_order_relaxed);

    for (;;) {
        struct stacks *offered = atomic_load(&reader->offered);
        if (offered == used)
            return used;
        atomic_store(&reader->used, offered);
        used = offered;
    }
}

/* Return the stacks taken last. */
static inline const struct stacks *stack_set_used(struct stack_reader *reader)
{
    return atomic_load_explicit(&reader->used, memory_order_relaxed);
}

/* Hold the stacks taken last until stack_set_release(), for an evaluation that waits. */
static inline struct stacks *stack_set_hold(struct stack_reader *reader)
{
    struct stacks *used = atomic_load_explicit(&reader->used, memory_order_relaxed);

    atomic_fetch_add(&used->evaluations, 1);
    return used;
}

static inline void stack_set_release(struct stacks *held)
{
    atomic_fetch_sub(&held->evaluations, 1);
}

#endif
