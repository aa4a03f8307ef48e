/* SPDX-License-Identifier: Apache-2.0 */
/* The stacks that are in use, and those that they replaced.  The main thread only.
 *
 * A new set is shown to the workers, which take it before the next line they read.  The old one is
 * freed when no worker uses it, no verification is under way before it, and its verifiers have come
 * back; one that hangs for ever keeps its set in memory. */
#ifndef JETON_DAEMON_VERIFY_STACK_SET_H
#define JETON_DAEMON_VERIFY_STACK_SET_H

#include "daemon/session/context.h"

struct stack_set {
    struct server *server;
    struct stacks *replaced; /* newest first */
    bool settled;            /* all workers use the current set */
    bool recall;             /* then those who have the table must ask for it again */
};

/* Makes the first set.  False: *problem. */
bool stack_set_begin(struct stack_set *s, struct server *server, const struct config *c,
                     struct problem *problem);

/* Makes another.  False: *problem, and everything stays as it was. */
bool stack_set_replace(struct stack_set *s, const struct config *c, struct problem *problem);

/* True if all workers use the current set, and no table is out whose holder may use the old one.
 * Call it until it says so, and then now and then, to free what is not used any more. */
bool stack_set_step(struct stack_set *s);

/* Ends all threads of verifiers; what waits comes home.  The workers' threads have ended. */
void stack_set_end(struct stack_set *s);

/* Frees all that can be freed.  The workers are freed. */
void stack_set_free(struct stack_set *s);

#endif
