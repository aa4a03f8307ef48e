/* SPDX-License-Identifier: Apache-2.0 */
/* A table is replaced by a larger one while tokens are denied and clients use the old one. */
#include "tests/explore/client.h"

static void set_up(void)
{
    table = token_table_new("jtn", 1);
    put(0, 1);
    begin_client();
}

static void grow(void)
{
    explore_check(token_table_recall(table) == 0, "no memory");
}

static void deny_and_answer(void)
{
    deny(0);
    explore_signal(0);
}

static void grow_then_deny(void)
{
    grow();
    deny_and_answer();
}

/* -- a client with the old table -------------------------------------------------------------- */

static void look_up_twice(void)
{
    int first = look_up(0);
    bool denied = explore_saw(0);
    int second = look_up(0);

    explore_check(first == NO_ANSWER || first == STATUS_OK || first == STATUS_REVOKED,
                  "an answer that never was right");
    explore_check(second == NO_ANSWER || second == STATUS_OK || second == STATUS_REVOKED,
                  "an answer that never was right");
    explore_check(first != STATUS_REVOKED || second != STATUS_OK, "a denied token passes again");
    explore_check(!denied || second != STATUS_OK, "a denied token passes after the answer");
}

static void look_up_in_batches(void)
{
    int first = look_up_batch(0);
    bool denied = explore_saw(0);
    int second = look_up_batch(0);

    explore_check(first != STATUS_REVOKED || second != STATUS_OK, "a denied token passes again");
    explore_check(!denied || second != STATUS_OK, "a denied token passes after the answer");
}

static const struct explore_scenario same_table = { "a token is denied; a client looks it up",
                                                    set_up,
                                                    { deny_and_answer, look_up_twice } };

static const struct explore_scenario batches = {
    "a token is denied while the table grows; a client with the old one looks up batches",
    set_up,
    { grow, deny_and_answer, look_up_in_batches }
};

static const struct explore_scenario old_table = {
    "the table grows, then a token is denied; a client has the old one",
    set_up,
    { grow_then_deny, look_up_twice }
};

static const struct explore_scenario while_growing = {
    "a token is denied while the table grows; a client has the old one",
    set_up,
    { grow, deny_and_answer, look_up_twice }
};

static void client_with_a_table_passes_no_denied_token(void **state)
{
    (void)state;
    explored_passes(&same_table);
}

static void client_with_the_old_table_passes_no_denied_token(void **state)
{
    (void)state;
    explored_passes(&batches);
    explored_passes(&old_table);
    explored_passes(&while_growing);
}

/* -- a client fetches the new one ------------------------------------------------------------- */

static void fetch_and_look_up(void)
{
    bool denied = explore_saw(0);
    int first = look_up(0);

    if (first == NO_ANSWER) {
        fetch_view();
        first = look_up(0);
    }
    explore_check(!denied || first != STATUS_OK, "a denied token passes after the answer");
}

static const struct explore_scenario fetched = {
    "a token is denied while the table grows; a client fetches the new one",
    set_up,
    { grow, deny_and_answer, fetch_and_look_up }
};

static void denial_during_growth_is_in_the_new_table(void **state)
{
    (void)state;
    explored_passes(&fetched);
}

/* -- a worker of the daemon ------------------------------------------------------------------- */

static void enter_and_read(void)
{
    bool denied = explore_saw(0);
    int version = read_version(token_table_table(token_table_enter(table, 0)), 0);

    token_table_leave(table, 0);
    explore_check(version == TORN || version == 1 || version == 1 + DENIED,
                  "a version that never was");
    explore_check(!denied || version == 1 + DENIED, "a denied token passes after the answer");
}

static const struct explore_scenario worker = {
    "a token is denied while the table grows; a worker verifies",
    set_up,
    { grow, deny_and_answer, enter_and_read }
};

static void worker_passes_no_denied_token_while_the_table_grows(void **state)
{
    (void)state;
    explored_passes(&worker);
}

/* -- mutants ---------------------------------------------------------------------------------- */

static const struct explore_mutant of_old_table[] = {
    { "the old table is not superseded", MUTATE_SKIP, "replace", "&old->header->state", NULL, 0,
      NULL },
    { "the old table is superseded after the lock was released", MUTATE_UNLOCKED, "replace",
      "&old->header->state", NULL, 0, NULL },
    { "clients do not look at the state", MUTATE_CONSTANT, NULL, "&v->table.header->state", NULL,
      TABLE_LIVE, NULL },
};

static const struct explore_mutant of_growth[] = {
    { "a denial takes no lock", MUTATE_SKIP, "change_flags", "&t->mutex", NULL, 0, NULL },
    { "a growth takes no lock", MUTATE_SKIP, "token_table_recall", "&t->mutex", NULL, 0, NULL },
};

static const struct explore_mutant of_current[] = {
    { "the new table is not made current", MUTATE_SKIP, "replace", "&t->current", NULL, 0, NULL },
    { "the new table is made current without release", MUTATE_RELAX, "replace", "&t->current", NULL,
      0, NULL },
    { "the current table is loaded without acquire", MUTATE_RELAX, "current", "&t->current", NULL,
      0, NULL },
};

static void faults_of_the_handover_are_found(void **state)
{
    (void)state;
    MUTANTS_ARE_CAUGHT(&while_growing, of_old_table);
    MUTANTS_ARE_CAUGHT(&fetched, of_growth);
    MUTANTS_ARE_CAUGHT(&worker, of_current);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(client_with_a_table_passes_no_denied_token),
        cmocka_unit_test(client_with_the_old_table_passes_no_denied_token),
        cmocka_unit_test(denial_during_growth_is_in_the_new_table),
        cmocka_unit_test(worker_passes_no_denied_token_while_the_table_grows),
        cmocka_unit_test(faults_of_the_handover_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
