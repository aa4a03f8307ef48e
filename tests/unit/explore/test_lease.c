/* SPDX-License-Identifier: Apache-2.0 */
/* A table is believed no longer than its lease, and not at all once it is closed. */
#include "daemon/base/clock.h"
#include "daemon/table/lease.h"
#include "tests/explore/client.h"

static void set_up(void)
{
    explore_clocks_differ = 0;
    table = token_table_new("jtn", 1);
    put(0, 1);
    begin_client();
}

/* -- the daemon dies, and another follows ----------------------------------------------------- */

enum { DIED, ANSWERED };

static int64_t died_at; /* handed on with DIED */

static void renew_and_die(void)
{
    token_table_renew_lease(table);
    token_table_renew_lease(table);
    died_at = explore_now();
    explore_signal(DIED);
}

static void let_time_pass(void)
{
    for (int i = 0; i < 3; i++)
        explore_advance(3 * CLOCK_SECOND);
}

static void deny_in_another_table(void)
{
    explore_assume(explore_saw(DIED));
    explore_assume(explore_now() >= died_at + LEASE_SECONDS * CLOCK_SECOND);
    explore_signal(ANSWERED);
}

static void look_up_after_the_answer(void)
{
    bool denied = explore_saw(ANSWERED);
    int status = look_up(0);

    explore_check(status == NO_ANSWER || status == STATUS_OK, "an answer that never was right");
    explore_check(!denied || status == NO_ANSWER, "a dead daemon's table answers");
}

static const struct explore_scenario successor = {
    "a daemon dies, and its successor answers a denial when the lease is over",
    set_up,
    { renew_and_die, let_time_pass, deny_in_another_table, look_up_after_the_answer },
};

static void table_of_a_dead_daemon_answers_nothing_after_its_lease(void **state)
{
    (void)state;
    explored_passes(&successor);
}

/* -- the daemon ends in good order ------------------------------------------------------------ */

static void close_and_renew(void)
{
    token_table_close(table);
    token_table_renew_lease(table); /* by the main thread's timer */
    explore_signal(0);
}

static void look_up_after_the_end(void)
{
    int first = look_up(0);
    bool ended = explore_saw(0);
    int second = look_up(0);

    explore_check(first == NO_ANSWER || first == STATUS_OK, "an answer that never was right");
    explore_check(!ended || second == NO_ANSWER, "a closed table answers");
}

static const struct explore_scenario closed = { "a table is closed",
                                                set_up,
                                                { close_and_renew, look_up_after_the_end } };

static void closed_table_answers_nothing(void **state)
{
    (void)state;
    explored_passes(&closed);
}

/* -- mutants ---------------------------------------------------------------------------------- */

#define LEASE NULL, "&v->table.header->lease", NULL

static const struct explore_mutant of_lease[] = {
    { "clients do not look at the lease", MUTATE_CONSTANT, LEASE, 1012 * CLOCK_SECOND, NULL },
};

static const struct explore_mutant of_closing[] = {
    { "a closed table is not marked", MUTATE_SKIP, "token_table_close",
      "&current(t)->header->state", NULL, 0, NULL },
    { "clients do not look at the state", MUTATE_CONSTANT, NULL, "&v->table.header->state", NULL,
      TABLE_LIVE, NULL },
};

static void faults_of_the_lease_are_found(void **state)
{
    (void)state;
    MUTANTS_ARE_CAUGHT(&successor, of_lease);
    MUTANTS_ARE_CAUGHT(&closed, of_closing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_of_a_dead_daemon_answers_nothing_after_its_lease),
        cmocka_unit_test(closed_table_answers_nothing),
        cmocka_unit_test(faults_of_the_lease_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
