/* SPDX-License-Identifier: Apache-2.0 */
/* What phases have in common: waiting for a condition while the hosts go on. */
#ifndef JETON_TESTS_FLEET_PHASES_PRIVATE_H
#define JETON_TESTS_FLEET_PHASES_PRIVATE_H

#include "tests/fleet/host.h"
#include "tests/fleet/phases.h"
#include "tests/fleet/samples.h"
#include "tests/fleet/writer.h"

enum {
    PATIENCE = 400, /* seconds until a phase has failed */
    CALLS_MAX = HISTORY_KEPT / 2,
    OWNER_PAUSE_NS = 50000000,
};

struct phases {
    struct simulation *simulation;
    struct real *real;
    struct writer *writer; /* made when it is needed */
    struct event *ticker;  /* so that conditions are looked at in a quiet loop, too */
    int64_t ask_owner_at;
    struct writer_call call[CALLS_MAX];
    unsigned calls;
    struct samples samples; /* CALLS_MAX * HOSTS_MAX at most */
};

typedef bool phases_condition(struct phases *p, uint64_t argument);

/* Let the hosts go on until it holds; false: not within so many seconds. */
bool phases_run_until(struct phases *p, phases_condition *holds, uint64_t argument, double seconds);

/* The same within PATIENCE; ends the program otherwise. */
void phases_must(struct phases *p, phases_condition *holds, uint64_t argument, const char *what);

/* It is that moment, in nanoseconds, or later. */
bool phases_is_late(struct phases *p, uint64_t moment);

/* All hosts are connected, and have all changes up to this serial. */
bool phases_all_have(struct phases *p, uint64_t serial);

/* The real host has, if there is one. */
bool phases_real_has(struct phases *p, uint64_t serial);

/* Commands: see simulator.c. */
void changes_create(struct phases *p, unsigned count, unsigned batch);
void changes_burst(struct phases *p, unsigned count, unsigned batch);
void changes_revoke(struct phases *p, unsigned calls, unsigned pause);

#endif
