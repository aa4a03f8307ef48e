/* SPDX-License-Identifier: Apache-2.0 */
/* A table whose lease was found wrong once is not believed again, whatever the clock says later. */
#include "daemon/base/clock.h"
#include "tests/explore/client.h"

/* The lease seems to end in 15 seconds; ten later it would look right. */
static void set_up_behind(void)
{
    explore_clocks_differ = 0;
    table = token_table_new("jtn", 1);
    put(0, 1);
    begin_client();
    explore_clocks_differ = -10 * CLOCK_SECOND;
}

static void disbelieve(void)
{
    if (look_up(0) == NO_ANSWER)
        explore_signal(0);
}

static void look_up_later(void)
{
    bool disbelieved = explore_saw(0);
    int status = look_up(1);

    explore_check(!disbelieved || status == NO_ANSWER, "a table that was disbelieved answers");
}

static void let_much_time_pass(void)
{
    explore_advance(6 * CLOCK_SECOND);
    explore_advance(6 * CLOCK_SECOND);
}

static const struct explore_scenario behind = {
    "a client's clock is behind, and the daemon is dead",
    set_up_behind,
    { disbelieve, let_much_time_pass, look_up_later },
};

static void table_once_disbelieved_answers_nothing_any_more(void **state)
{
    (void)state;
    explored_passes(&behind);
}

static const struct explore_mutant of_disbelief[] = {
    { "a lease that was wrong is not noted", MUTATE_SKIP, NULL, "&v->marks", NULL, 0, NULL },
    { "nobody looks whether the lease was wrong", MUTATE_CONSTANT, NULL, "&v->marks", NULL, 0,
      NULL },
};

static void faults_of_the_disbelief_are_found(void **state)
{
    (void)state;
    MUTANTS_ARE_CAUGHT(&behind, of_disbelief);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_once_disbelieved_answers_nothing_any_more),
        cmocka_unit_test(faults_of_the_disbelief_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
