/* SPDX-License-Identifier: Apache-2.0 */
/* One line of a service's stack: a verifier, opened with its arguments.  The main thread
 * makes and ends it; any thread reads it. */
#ifndef JETON_STEP_H
#define JETON_STEP_H

#include "daemon/config/config.h"
#include "daemon/verify/metrics.h"
#include "daemon/verify/thread_pool.h"

/* What a verifier does that it should not. */
enum complaint {
    COMPLAINT_GARBAGE, COMPLAINT_ERROR, COMPLAINT_LATE, COMPLAINT_BUSY, COMPLAINT_THREAD, COMPLAINTS
};

/* Each is logged now and then, with how often it came: one that fails all the time does not fill the
 * log. */
struct hush {
    _Atomic int64_t until;          /* CLOCK_MONOTONIC seconds */
    _Atomic uint64_t held_back;
};

struct step {
    enum control control;
    char name[METER_NAME_MAX];              /* for verifier= in replies, for stats and the log */
    const struct jeton_verifier *verifier;  /* NULL: the table */
    bool opened;
    void *instance;                         /* then: whatever it made, also NULL */
    void *module;                           /* of module_load(); NULL: built in */
    bool blocks;                            /* it is asked on a pool ... */
    struct pool *pool;                      /* ... which is NULL once that has ended */
    int64_t deadline;                       /* of what is asked on a pool, in nanoseconds */
    bool narrows;                           /* it needs an identity */
    bool is_throttle;
    struct meter *meter;
    struct hush hush[COMPLAINTS];
};

/* Where a step comes from. */
struct step_source {
    const struct config *config;
    const struct service_section *section;
    const struct service_step *line;        /* line->line == 0: built in, "local" */
};

/* Loads and opens it; all but `meter` is then set.  False: *problem says where and why; what was
 * made is for step_close(). */
bool step_open(struct step *step, const struct step_source *from, struct problem *problem);

/* Closes and unloads what has no pool any more. */
void step_close(struct step *step);

/* Fills a problem that begins with where the step comes from; returns false. */
bool step_blame(const struct step_source *from, struct problem *problem, const char *what,
                const char *why);

/* True for what is built in and vouches for nobody. */
bool step_only_narrows(const struct step *step);

/* Logs that a verifier did what it should not, and how often it did so since the last time. */
void step_complain(const char *service, struct step *step, enum complaint kind,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
