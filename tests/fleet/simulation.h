/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the simulator share: one thread, one event loop, one clock. */
#ifndef JETON_TESTS_FLEET_SIMULATION_H
#define JETON_TESTS_FLEET_SIMULATION_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { HOSTS_MAX = 2000, LEASE_MS = 60000 };

struct host;

struct simulation {
    struct event_base *base;
    const char *conninfo;  /* of the database's owner, without the name of a host */
    bool deaf;             /* hosts do not LISTEN: they only poll */
    unsigned count;        /* of hosts that were begun */
    struct host *host;     /* HOSTS_MAX */
    uint64_t errors;       /* queries that the database refused */
    char error[200];       /* the first of them */
    uint64_t next_created; /* numbers of tokens; those below it are in the database */
    uint64_t next_revoked; /* those below it were revoked */
};

/* Return the nanoseconds of CLOCK_MONOTONIC. */
static inline int64_t clock_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Run an event after so many nanoseconds. */
static inline void arm(struct event *timer, int64_t ns)
{
    const struct timeval after = { ns / 1000000000, ns % 1000000000 / 1000 };

    event_add(timer, &after);
}

/* Note what the database refused; the first text is kept. */
static inline void simulation_error(struct simulation *s, const char *what)
{
    if (s->errors++ == 0)
        snprintf(s->error, sizeof(s->error), "%s", what);
}

/* End the program, with a message. */
static inline void __attribute__((noreturn)) die(const char *what, const char *why)
{
    fprintf(stderr, "simulator: %s: %s\n", what, why);
    exit(1);
}

#endif
