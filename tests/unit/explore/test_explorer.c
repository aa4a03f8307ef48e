/* SPDX-License-Identifier: Apache-2.0 */
/* The explorer itself: it finds exactly the outcomes that the memory model allows, and loses none by
 * its reduction. */
#define ROUTED_IMPLEMENTATION
#include "tests/explore/fixture.h"
#include "tests/explore/routed.h"

enum { LOCATIONS = 4, ACCESSES = 4, OUTCOMES = 4096, PROGRAMS = 40, DIGIT = 16 };

enum what { NOTHING, LOAD, STORE, ADD, FENCE, LOCKED_ADD };

struct one {
    enum what what;
    int at;
    memory_order order;
};

typedef struct one program[EXPLORE_THREADS][ACCESSES];

static program current_program;
static _Alignas(64) uint32_t location[LOCATIONS];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static uint64_t loaded[EXPLORE_THREADS]; /* a digit for each load */
static unsigned ended;
static uint64_t outcome[OUTCOMES]; /* what all threads loaded; sorted */
static unsigned outcomes;

static void begin(void)
{
    memset(location, 0, sizeof(location));
    memset(loaded, 0, sizeof(loaded));
    ended = 0;
}

static void note_outcome(void)
{
    uint64_t all = 0;
    unsigned i = 0;

    for (int t = 0; t < EXPLORE_THREADS; t++)
        all = all * DIGIT * DIGIT * DIGIT * DIGIT + loaded[t];
    while (i < outcomes && outcome[i] < all)
        i++;
    if (i < outcomes && outcome[i] == all)
        return;
    if (outcomes == OUTCOMES)
        explore_fail("too many outcomes");
    memmove(&outcome[i + 1], &outcome[i], (outcomes++ - i) * sizeof(outcome[0]));
    outcome[i] = all;
}

static uint64_t locked_add(uint32_t *at, struct routed_place place)
{
    routed_lock(&mutex, place);
    uint64_t old = routed_load(at, sizeof(*at), memory_order_relaxed, place);
    routed_store(at, sizeof(*at), old + 1, memory_order_relaxed, place);
    routed_unlock(&mutex, place);
    return old;
}

/* The stores of a thread to a location are numbered: so each load tells what it read. */
static void run_thread(int thread)
{
    static const struct routed_place place = { "", "" };
    uint64_t stored[LOCATIONS] = { 0 };

    for (int i = 0; i < ACCESSES; i++) {
        const struct one *o = &current_program[thread][i];
        uint32_t *at = &location[o->at];
        if (o->what == STORE)
            routed_store(at, sizeof(*at), ++stored[o->at], o->order, place);
        else if (o->what == LOAD)
            loaded[thread] = loaded[thread] * DIGIT + routed_load(at, 4, o->order, place);
        else if (o->what == ADD)
            loaded[thread] = loaded[thread] * DIGIT +
                             routed_change(at, 4, ROUTED_ADD, 1, o->order, place);
        else if (o->what == FENCE)
            routed_fence(o->order, place);
        else if (o->what == LOCKED_ADD)
            loaded[thread] = loaded[thread] * DIGIT + locked_add(at, place);
    }
    if (++ended == EXPLORE_THREADS)
        note_outcome();
}

static void first(void)
{
    run_thread(0);
}

static void second(void)
{
    run_thread(1);
}

static void third(void)
{
    run_thread(2);
}

static void fourth(void)
{
    run_thread(3);
}

static const struct explore_scenario scenario = { "a program",
                                                  begin,
                                                  { first, second, third, fourth } };

static unsigned explore_program(void)
{
    outcomes = 0;
    struct explore_result r = explore(&scenario, NULL);
    if (r.failed)
        fail_msg("%s", r.failure);
    return outcomes;
}

#define RLX memory_order_relaxed
#define ACQ memory_order_acquire
#define REL memory_order_release
#define SC memory_order_seq_cst

/* Programs with known numbers of outcomes; where a number is one less, the missing one is what the
 * orders forbid. */
static const struct {
    const char *name;
    unsigned outcomes;
    program program;
} known[] = {
    { "store buffering, relaxed",
      4,
      { { { STORE, 0, RLX }, { LOAD, 1, RLX } }, { { STORE, 1, RLX }, { LOAD, 0, RLX } } } },
    { "store buffering, acquire and release",
      4,
      { { { STORE, 0, REL }, { LOAD, 1, ACQ } }, { { STORE, 1, REL }, { LOAD, 0, ACQ } } } },
    { "store buffering, sequentially consistent",
      3,
      { { { STORE, 0, SC }, { LOAD, 1, SC } }, { { STORE, 1, SC }, { LOAD, 0, SC } } } },
    { "store buffering, with fences",
      3,
      { { { STORE, 0, RLX }, { FENCE, 0, SC }, { LOAD, 1, RLX } },
        { { STORE, 1, RLX }, { FENCE, 0, SC }, { LOAD, 0, RLX } } } },
    { "store buffering, one fence",
      4,
      { { { STORE, 0, RLX }, { FENCE, 0, SC }, { LOAD, 1, RLX } },
        { { STORE, 1, RLX }, { LOAD, 0, RLX } } } },
    { "message passing, relaxed",
      4,
      { { { STORE, 0, RLX }, { STORE, 1, RLX } }, { { LOAD, 1, RLX }, { LOAD, 0, RLX } } } },
    { "message passing, only released",
      4,
      { { { STORE, 0, RLX }, { STORE, 1, REL } }, { { LOAD, 1, RLX }, { LOAD, 0, RLX } } } },
    { "message passing, acquire and release",
      3,
      { { { STORE, 0, RLX }, { STORE, 1, REL } }, { { LOAD, 1, ACQ }, { LOAD, 0, RLX } } } },
    { "message passing, with fences",
      3,
      { { { STORE, 0, RLX }, { FENCE, 0, REL }, { STORE, 1, RLX } },
        { { LOAD, 1, RLX }, { FENCE, 0, ACQ }, { LOAD, 0, RLX } } } },
    { "coherence of two loads",
      6,
      { { { STORE, 0, RLX }, { STORE, 0, RLX } }, { { LOAD, 0, RLX }, { LOAD, 0, RLX } } } },
    { "two additions under a lock", 2, { { { LOCKED_ADD, 0, RLX } }, { { LOCKED_ADD, 0, RLX } } } },
    { "two additions", 2, { { { ADD, 0, RLX } }, { { ADD, 0, RLX } } } },
    { "independent reads of independent writes, acquire and release",
      16,
      { { { STORE, 0, REL } },
        { { LOAD, 0, ACQ }, { LOAD, 1, ACQ } },
        { { LOAD, 1, ACQ }, { LOAD, 0, ACQ } },
        { { STORE, 1, REL } } } },
    { "independent reads of independent writes, sequentially consistent",
      15,
      { { { STORE, 0, SC } },
        { { LOAD, 0, SC }, { LOAD, 1, SC } },
        { { LOAD, 1, SC }, { LOAD, 0, SC } },
        { { STORE, 1, SC } } } },
    { "a release that another's addition goes on with",
      9,
      { { { STORE, 0, RLX }, { ADD, 1, REL } },
        { { ADD, 1, RLX } },
        { { LOAD, 1, ACQ }, { LOAD, 0, RLX } } } },
};

static void outcomes_of_known_programs_are_those_of_the_memory_model(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        memcpy(current_program, known[i].program, sizeof(program));
        unsigned found = explore_program();
        printf("%s: %u outcomes\n", known[i].name, found);
        assert_int_equal(found, known[i].outcomes);
    }
}

/* -- the reduction ---------------------------------------------------------------------------- */

static uint32_t seed;

static unsigned tossed(unsigned below)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 16) % below;
}

/* Make a program of three threads; each location has one thread that stores, or some that add. */
static void make_program(void)
{
    static const memory_order loads[] = { RLX, ACQ, SC }, stores[] = { RLX, REL, SC };

    memset(current_program, 0, sizeof(current_program));
    for (int t = 0; t < 3; t++)
        for (int i = 0; i < 3 - (t == 2); i++) {
            struct one *o = &current_program[t][i];
            o->at = (int)tossed(3);
            o->what = tossed(2) == 0 ? LOAD : o->at == 2 ? ADD : o->at == t ? STORE : LOAD;
            o->order = o->what == LOAD ? loads[tossed(3)] : stores[tossed(3)];
            if (tossed(8) == 0)
                *o = (struct one){ FENCE, 0, SC };
            else if (i == 0 && tossed(4) == 0)
                *o = (struct one){ LOCKED_ADD, 3, RLX };
        }
}

static void reduction_loses_no_outcome(void **state)
{
    (void)state;
    static uint64_t reduced[OUTCOMES];
    uint64_t total = 0;

    for (seed = 1; seed <= PROGRAMS; seed++) {
        uint32_t number = seed;
        make_program();
        explore_unreduced = false;
        unsigned count = explore_program();
        total += count;
        memcpy(reduced, outcome, sizeof(reduced));
        explore_unreduced = true;
        if (explore_program() != count || memcmp(reduced, outcome, count * sizeof(reduced[0])) != 0)
            fail_msg("program %u has other outcomes without reduction", number);
        seed = number;
    }
    explore_unreduced = false;
    printf("%d programs have %llu outcomes\n", PROGRAMS, (unsigned long long)total);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outcomes_of_known_programs_are_those_of_the_memory_model),
        cmocka_unit_test(reduction_loses_no_outcome),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
