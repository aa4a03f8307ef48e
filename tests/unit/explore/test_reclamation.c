/* SPDX-License-Identifier: Apache-2.0 */
/* A table that was replaced is unmapped only when nobody reads it any more. */
#include "tests/explore/client.h"

static void set_up(void)
{
    table = token_table_new("jtn", 1);
    put(0, 1);
    begin_client();
}

/* -- in the daemon: generations --------------------------------------------------------------- */

static void grow_and_reap(void)
{
    explore_check(token_table_recall(table) == 0, "no memory");
    token_table_renew_lease(table);
}

static void verify_twice(unsigned reader)
{
    for (int i = 0; i < 2; i++) {
        int version = read_version(token_table_table(token_table_enter(table, reader)), 0);
        token_table_leave(table, reader);
        explore_check(version == 1, "the token is not there");
    }
}

static void verify_as_first(void)
{
    verify_twice(0);
}

static void verify_as_second(void)
{
    token_table_enter(table, 1);
    token_table_leave(table, 1);
}

static const struct explore_scenario generations = { "the table grows while two workers verify",
                                                     set_up,
                                                     { grow_and_reap, verify_as_first,
                                                       verify_as_second } };

static void generation_is_not_freed_while_a_worker_uses_it(void **state)
{
    (void)state;
    explored_passes(&generations);
}

/* -- in a client: views ----------------------------------------------------------------------- */

static struct table_view *next_view;

static void set_up_views(void)
{
    set_up();
    next_view = open_view();
}

static void replace_and_reap(void)
{
    table_view_replace(&views, &readers, next_view);
    table_view_reap(&views, &readers);
}

static void look_up_as_first(void)
{
    int status = look_up(0);

    explore_check(status == STATUS_OK, "no answer from a valid table");
}

static void look_up_as_second(void)
{
    int status = look_up(1);

    explore_check(status == STATUS_OK, "no answer from a valid table");
}

static const struct explore_scenario viewed = {
    "a view is replaced while two threads look tokens up",
    set_up_views,
    { replace_and_reap, look_up_as_first, look_up_as_second }
};
static const struct explore_scenario viewed_once = {
    "a view is replaced while a thread looks a token up",
    set_up_views,
    { replace_and_reap, look_up_as_first }
};

static void view_is_not_unmapped_while_a_thread_reads_it(void **state)
{
    (void)state;
    explored_passes(&viewed_once);
    explored_passes(&viewed);
}

/* -- mutants ---------------------------------------------------------------------------------- */

static const struct explore_mutant of_generations[] = {
    { "a worker's entry is only released", MUTATE_WEAKEN, "enter", "&t->reader[reader].generation",
      NULL, 0, NULL },
    { "the current table is only acquired", MUTATE_WEAKEN, "current", "&t->current", NULL, 0,
      NULL },
    { "the current table is not loaded again", MUTATE_NOT_AGAIN, "current", "&t->current", NULL, 0,
      NULL },
    { "who reaps only acquires what workers use", MUTATE_WEAKEN, "reap", "&t->reader[i].generation",
      NULL, 0, NULL },
    { "who reaps does not acquire what workers use", MUTATE_RELAX, "reap",
      "&t->reader[i].generation", NULL, 0, NULL },
    { "the new table is only released", MUTATE_WEAKEN, "replace", "&t->current", NULL, 0, NULL },
    { "a worker's leave is relaxed", MUTATE_RELAX, "token_table_leave",
      "&t->reader[reader].generation", NULL, 0, NULL },
};

static const struct explore_mutant of_views[] = {
    { "a reader's entry is not sequentially consistent", MUTATE_WEAKEN, "enter",
      "&readers->slot[slot].count", NULL, 0, NULL },
    { "a reader only acquires the current view", MUTATE_WEAKEN, "enter", "&views->current", NULL, 0,
      NULL },
    { "the new view is only released", MUTATE_WEAKEN, "table_view_replace", "&views->current", NULL,
      0, NULL },
    { "who unmaps only acquires the readers' counts", MUTATE_WEAKEN, "is_drained",
      "&readers->slot[slot].count", NULL, 0, NULL },
    { "a reader's leave is relaxed", MUTATE_RELAX, "leave", "&readers->slot[slot].count", NULL, 0,
      NULL },
    { "nobody looks at the readers' counts", MUTATE_CONSTANT, "is_drained",
      "&readers->slot[slot].count", NULL, 0, NULL },
};

static void faults_of_the_reclamation_are_found(void **state)
{
    (void)state;
    MUTANTS_ARE_CAUGHT(&generations, of_generations);
    MUTANTS_ARE_CAUGHT(&viewed_once, of_views);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(generation_is_not_freed_while_a_worker_uses_it),
        cmocka_unit_test(view_is_not_unmapped_while_a_thread_reads_it),
        cmocka_unit_test(faults_of_the_reclamation_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
