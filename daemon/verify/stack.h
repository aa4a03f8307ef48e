/* SPDX-License-Identifier: Apache-2.0 */
/* The verifiers of each service, made from its section of the configuration.
 *
 * The main thread makes and ends them; while they are in use they do not change, and any thread
 * reads them.  A set replaces another as a whole. */
#ifndef JETON_DAEMON_VERIFY_STACK_H
#define JETON_DAEMON_VERIFY_STACK_H

#include "daemon/verify/stack_entry.h"

/* What the table says, for a client that has it and asks for this service. */
enum terms {
    TERMS_FINAL, /* the whole answer */
    TERMS_IF,    /* the whole answer, if a pass has the stack's scopes as well */
    TERMS_HITS,  /* a pass is a pass; the rest must be asked */
    TERMS_NONE,  /* nothing */
};

struct stack {
    char service[SERVICE_MAX + 1];
    bool plain; /* the table, and nothing else */
    bool waits; /* some step is asked on a pool */
    enum terms terms;
    char scopes[SCOPES_TEXT_MAX + 1]; /* with TERMS_IF */
    struct series_pair series;        /* the service's; if `plain`, its entry's too */
    size_t steps;
    struct stack_entry *step;
};

struct stacks {
    size_t count;
    struct stack *stack;
    struct stack *other;          /* for names that have no section */
    _Atomic uint64_t evaluations; /* that have not ended */
    struct stacks *next;          /* of those that are replaced: the owner's */
};

/* Loads and opens everything.  NULL: *problem says where and why. */
struct stacks *stacks_new(const struct config *c, struct metrics *metrics, struct problem *problem);

/* The stack for a service's name; "" and unknown ones are `other`'s. */
const struct stack *stacks_find(const struct stacks *s, struct slice service);

/* True if a client with the table would judge differently by the other. */
bool stacks_terms_differ(const struct stacks *a, const struct stacks *b);

/* Ends the threads that verifiers are asked on: jobs that wait come home.  True: none is left.
 * Waits up to `milliseconds`; call again if some hang. */
bool stacks_end(struct stacks *s, int milliseconds);

/* Frees what has ended: closes the verifiers and unloads them. */
void stacks_free(struct stacks *s);

#endif
