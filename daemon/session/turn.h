/* SPDX-License-Identifier: Apache-2.0 */
/* Share a worker's time: how long a turn of its event loop and the run of one session may take.
 *
 * The clock is read only after some work, so that short runs, which are nearly all, do not pay for
 * it.  The worker's thread. */
#ifndef JETON_DAEMON_SESSION_TURN_H
#define JETON_DAEMON_SESSION_TURN_H

#include <stdbool.h>

#include "daemon/base/clock.h"

/* Work, in units of about a verification by the table. */
enum {
    WORK_VERIFY = 1,
    WORK_OTHER = 8,   /* any other verb; reading from a connection */
    WORK_STACK = 32,  /* verifiers that are not the table */
    WORK_A_LOOK = 64, /* at the clock */
};

#define TURN_NANOSECONDS UINT64_C(1000000)
#define RUN_NANOSECONDS UINT64_C(500000)

/* All zeros: a turn that has not begun. */
struct turn {
    uint64_t ends;     /* clock_monotonic(); 0: the clock was not read yet */
    uint64_t run_ends; /* likewise, of the session that runs */
    uint64_t now;      /* when the clock was read last */
    unsigned work;     /* since then */
};

static inline void turn_begin(struct turn *t)
{
    t->ends = t->run_ends = t->now = 0;
}

static inline void turn_begin_run(struct turn *t)
{
    t->run_ends = 0;
}

static inline void turn_look(struct turn *t)
{
    t->work = 0;
    t->now = clock_monotonic();
    if (t->ends == 0)
        t->ends = t->now + TURN_NANOSECONDS;
    if (t->run_ends == 0)
        t->run_ends = t->now + RUN_NANOSECONDS;
}

/* Note that work was done. */
static inline void turn_spend(struct turn *t, unsigned work)
{
    t->work += work;
    if (t->work >= WORK_A_LOOK)
        turn_look(t);
}

/* True if no other session should run in this turn. */
static inline bool turn_is_over(const struct turn *t)
{
    return t->ends != 0 && t->now >= t->ends;
}

/* True if the session that runs should let others run. */
static inline bool turn_run_is_over(const struct turn *t)
{
    return turn_is_over(t) || (t->run_ends != 0 && t->now >= t->run_ends);
}

#endif
