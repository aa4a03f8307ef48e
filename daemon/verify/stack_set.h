/* SPDX-License-Identifier: Apache-2.0 */
/* The stacks that are in use, and those that they replaced.  The main thread only.
 *
 * A new set is shown to the lanes, which take it before the next line they read.  The old one is
 * freed when no lane uses it, no verification is under way before it, and its verifiers have come
 * back; one that hangs for ever keeps its set in memory. */
#ifndef JETON_SUCCESSION_H
#define JETON_SUCCESSION_H

#include "daemon/session/context.h"

struct succession {
    struct server *server;
    struct stacks *replaced;            /* newest first */
    bool settled;                       /* all lanes use the current set */
    bool recall;                        /* then those who have the table must ask for it again */
};

/* Makes the first set.  False: *problem. */
bool succession_begin(struct succession *s, struct server *server, const struct config *c,
                      struct problem *problem);

/* Makes another.  False: *problem, and everything stays as it was. */
bool succession_replace(struct succession *s, const struct config *c, struct problem *problem);

/* True if all lanes use the current set, and no table is out whose holder may use the old one.
 * Call it until it says so, and then now and then, to free what is not used any more. */
bool succession_step(struct succession *s);

/* Ends all threads of verifiers; what waits comes home.  The lanes' threads have ended. */
void succession_end(struct succession *s);

/* Frees all that can be freed.  The lanes are freed. */
void succession_free(struct succession *s);

#endif
