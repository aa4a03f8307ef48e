/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the explorer: accesses, views, and what its files know of each other.
 *
 *     schedule.c   which thread goes on, which store a load reads; going back to try another
 *     reduction.c  which other threads need to be tried
 *     model.c      locations, their stores, views: what an access does
 *     plain.c      plain accesses, allocations, mappings: conflicts and use after free
 *     routed.c     the calls of routed.h; mutants */
#ifndef JETON_EXPLORE_ENGINE_H
#define JETON_EXPLORE_ENGINE_H

#include <stdatomic.h>
#include <stddef.h>

#include "tests/explore/explore.h"

enum {
    ENGINE_LOCATIONS = 192, /* that are stored to while threads run */
    ENGINE_STEPS = 16384,   /* of an execution */
};

/* What a thread knows: the oldest store of each location that it may read, and how many accesses of
 * each thread happened before. */
struct view {
    uint16_t oldest[ENGINE_LOCATIONS];
    uint32_t clock[EXPLORE_THREADS];
};

struct access {
    enum access_kind {
        ACCESS_LOAD,
        ACCESS_STORE,
        ACCESS_CHANGE, /* read, modify and write */
        ACCESS_FENCE,
        ACCESS_LOCK,
        ACCESS_UNLOCK,
    } kind;
    const volatile void *at; /* the location or the mutex; NULL: a fence */
    uint8_t size;
    memory_order order;
    uint64_t value;                                   /* stored; or loaded, afterwards */
    uint64_t (*change)(uint64_t old, uint64_t value); /* ACCESS_CHANGE */
    struct location *location;
};

static inline bool access_writes(const struct access *a)
{
    return a->kind == ACCESS_STORE || a->kind == ACCESS_CHANGE;
}

/* Which accesses of one location or mutex were done, for the reduction. */
struct event {
    int thread;
    unsigned step;
    struct access access;
    unsigned read_from;             /* ACCESS_LOAD: the store */
    struct event *before;           /* of the same location */
    unsigned past[EXPLORE_THREADS]; /* the last step of each thread that it depends on, plus one */
};

struct location {
    const volatile void *at;
    unsigned execution;  /* in which this is valid */
    int slot;            /* in views; -1: never stored to */
    unsigned stores;     /* numbered from 1; 0: the value in memory */
    unsigned sequential; /* the last store that is sequentially consistent */
    struct event *last;
    int holder;           /* of a mutex; -1: nobody */
    uint16_t released;    /* of a mutex: where its view is, plus one; 0: never locked */
    uint16_t message[64]; /* by the number of the store */
};

/* A step, and what was tried there. */
struct node {
    int8_t thread;
    uint8_t enabled, backtrack, done; /* sets of threads; `backtrack`: to be tried */
    uint16_t choice, choices;         /* of stores to read, from the newest on */
    uint16_t stores;                  /* that there are */
    uint16_t slept[EXPLORE_THREADS];  /* 0: awake */
};

/* -- schedule.c -- */
extern struct engine {
    bool running; /* threads run; otherwise accesses go to memory */
    int current;
    unsigned execution;
    unsigned step; /* of this execution */
    struct explore_result result;
    struct node node[ENGINE_STEPS];
    struct event event[ENGINE_STEPS];
} engine;

/* Do an access of the current thread when it is its turn. */
void engine_step(struct access *access);

/* -- reduction.c -- */
void reduction_begin(void);

/* Note an access and what it depends on, and plan what else must be tried because of it. */
void reduction_note(int thread, const struct access *a, unsigned store);

/* Return whether and how a thread that slept, and whose next access is known, sleeps on after an
 * access. */
uint16_t reduction_sleep(uint16_t slept, const struct access *next, const struct access *a);

/* -- model.c -- */
void model_begin(void);
struct location *model_location(const volatile void *at);
struct view *model_view(int thread);

/* Return the oldest store that a load may read; and the value of a store. */
unsigned model_oldest(int thread, const struct access *a);
uint64_t model_value(const struct access *a, unsigned store);

/* Do the access; a load reads that store. */
void model_do(int thread, struct access *a, unsigned store);

/* -- plain.c -- */
void plain_begin(void);

/* Return the address by which all mappings of the same memory are known, after a check that it may
 * be accessed. */
const volatile void *plain_canonical(const volatile void *at);
void plain_atomic(const volatile void *at, size_t size);

/* -- routed.c -- */
void routed_begin(const struct explore_mutant *mutant);

#endif
