/* SPDX-License-Identifier: Apache-2.0 */
/* One line of a service's stack: a verifier, opened with its arguments.  The main thread
 * makes and ends it; any thread reads it. */
#ifndef JETON_DAEMON_VERIFY_STACK_ENTRY_H
#define JETON_DAEMON_VERIFY_STACK_ENTRY_H

#include "daemon/config/config.h"
#include "daemon/verify/metrics.h"
#include "daemon/verify/thread_pool.h"

/* What a verifier does that it should not. */
enum verifier_failure {
    FAILURE_INVALID,
    FAILURE_ERROR,
    FAILURE_TIMEOUT,
    FAILURE_BUSY,
    FAILURE_THREAD,
    FAILURES
};

/* Each is logged now and then, with how often it came: one that fails all the time does not fill the
 * log. */
struct log_limit {
    _Atomic int64_t until; /* CLOCK_MONOTONIC seconds */
    _Atomic uint64_t held_back;
};

struct stack_entry {
    enum control control;
    char name[SERIES_NAME_MAX];            /* for verifier= in replies, for stats and the log */
    const struct jeton_verifier *verifier; /* NULL: the table */
    bool opened;
    void *instance;           /* then: whatever it made, also NULL */
    void *module;             /* of module_load(); NULL: built in */
    bool blocks;              /* it is asked on a pool ... */
    struct thread_pool *pool; /* ... which is NULL once that has ended */
    int64_t deadline;         /* of what is asked on a pool, in nanoseconds */
    bool narrows;             /* it needs an identity */
    bool is_throttle;
    struct series *series;
    struct log_limit hush[FAILURES];
};

/* Where a step comes from. */
struct stack_entry_source {
    const struct config *config;
    const struct service_config *section;
    const struct service_entry *line; /* line->line == 0: built in, "local" */
};

/* Loads and opens it; all but `series` is then set.  False: *problem says where and why; what was
 * made is for stack_entry_close(). */
bool stack_entry_open(struct stack_entry *step, const struct stack_entry_source *from,
                      struct problem *problem);

/* Closes and unloads what has no pool any more. */
void stack_entry_close(struct stack_entry *step);

/* Fills a problem that begins with where the step comes from; returns false. */
bool stack_entry_blame(const struct stack_entry_source *from, struct problem *problem,
                       const char *what, const char *why);

/* True for what is built in and vouches for nobody. */
bool stack_entry_only_narrows(const struct stack_entry *step);

/* Logs that a verifier did what it should not, and how often it did so since the last time. */
void stack_entry_log_failure(const char *service, struct stack_entry *step,
                             enum verifier_failure kind, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
