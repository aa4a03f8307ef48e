/* SPDX-License-Identifier: Apache-2.0 */
/* Open one line of a service's stack: a verifier with its arguments.  The main thread makes and
 * ends an entry; any thread reads it. */
#ifndef JETON_DAEMON_VERIFY_STACK_ENTRY_H
#define JETON_DAEMON_VERIFY_STACK_ENTRY_H

#include "daemon/base/log_limit.h"
#include "daemon/config/config.h"
#include "daemon/verify/metrics.h"
#include "daemon/verify/thread_pool.h"

/* How a verifier fails to answer. */
enum verifier_failure {
    FAILURE_INVALID,
    FAILURE_ERROR,
    FAILURE_TIMEOUT,
    FAILURE_BUSY,
    FAILURE_THREAD,
    FAILURES
};

struct stack_entry {
    enum control control;
    char name[SERIES_NAME_MAX];            /* for verifier= in replies, for stats and the log */
    const struct jeton_verifier *verifier; /* NULL: the table */
    bool opened;
    void *instance;           /* if opened: what the verifier made, which may be NULL */
    void *module;             /* of module_load(); NULL: built in */
    bool on_pool;             /* it may block or computes for long, and is asked on a pool */
    struct thread_pool *pool; /* for `on_pool`; NULL again once it has ended */
    int64_t deadline;         /* nanoseconds; for an entry with a pool */
    bool needs_identity;      /* it judges one that an earlier entry supplied */
    bool needs_groups;        /* and the groups of who asks */
    bool is_throttle;
    struct series *series;
    struct log_limit log_limit[FAILURES];
};

/* Where in the configuration an entry comes from. */
struct stack_entry_source {
    const struct config *config;
    const struct service_config *section;
    const struct service_entry *line; /* line->line == 0: built in, "local" */
};

/* Load and open an entry; all but `series` is then set.  False: *problem says where and why; pass
 * the entry to stack_entry_close() nevertheless. */
bool stack_entry_open(struct stack_entry *entry, const struct stack_entry_source *from,
                      struct problem *problem);

/* Close and unload an entry without a pool, or whose pool has ended. */
void stack_entry_close(struct stack_entry *entry);

/* Fill a problem that begins with where the entry comes from; return false. */
bool stack_entry_problem(const struct stack_entry_source *from, struct problem *problem,
                         const char *what, const char *why);

/* True for the built-in verifiers that never supply an identity. */
bool stack_entry_never_identifies(const struct stack_entry *entry);

/* Log a failure, with how often it came since it was last logged; at most every ten seconds. */
void stack_entry_log_failure(const char *service, struct stack_entry *entry,
                             enum verifier_failure kind, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
