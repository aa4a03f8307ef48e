/* SPDX-License-Identifier: Apache-2.0 */
/* Make the stack of verifiers of each service from its section of the configuration.
 *
 * One thread at a time makes and ends stacks; while they are in use they do not change, and any
 * thread reads them.  All are replaced together: see stack_set.h. */
#ifndef JETON_DAEMON_VERIFY_STACK_H
#define JETON_DAEMON_VERIFY_STACK_H

#include "daemon/verify/stack_entry.h"

/* What a client may conclude from the table for a service, without asking jetond. */
enum terms {
    TERMS_FINAL, /* everything */
    TERMS_IF,    /* everything, if it asks for the stack's scopes as well */
    TERMS_HITS,  /* that a token passes; not that it fails */
    TERMS_NONE,  /* nothing */
};

struct stack {
    char service[SERVICE_MAX + 1];
    bool table_only; /* its only verifier is the table */
    bool on_pool;    /* some entry is asked on a thread pool */
    enum terms terms;
    char scopes[SCOPES_TEXT_MAX + 1]; /* with TERMS_IF */
    struct series_pair series;        /* the service's; if `table_only`, its entry's too */
    size_t entries;
    struct stack_entry *entry;
};

struct stacks {
    size_t count;
    struct stack *stack;
    struct stack *other;          /* for names that have no section */
    _Atomic uint64_t evaluations; /* under way; see stack_set_hold() */
    struct stacks *next;          /* stack_set's: those that are replaced */
};

/* Load and open everything.  NULL: *problem says where and why. */
struct stacks *stacks_new(const struct config *c, struct metrics *metrics, struct problem *problem);

/* Return the stack for a service's name; for "" and names that have no section, that of `other`. */
const struct stack *stacks_find_named(const struct stacks *s, struct slice service);

static inline const struct stack *stacks_find(const struct stacks *s, struct slice service)
{
    return service.len == 0 ? s->other : stacks_find_named(s, service);
}

/* True if a verifier may connect to others: one that may block. */
bool stacks_may_connect(const struct stacks *s);

/* True if some verifier other than the table can supply an identity: it could pass what was denied
 * here and is no token any more. */
bool stacks_identify(const struct stacks *s);

/* True if a client that has the table would judge differently by the other. */
bool stacks_terms_differ(const struct stacks *a, const struct stacks *b);

/* End the verifiers' thread pools; jobs that wait are returned to their senders.  Wait up to
 * `milliseconds`.  False: some verifier has not returned; call this again. */
bool stacks_end(struct stacks *s, int milliseconds);

/* Close and unload the verifiers of stacks that have ended, and free the stacks. */
void stacks_free(struct stacks *s);

#endif
