/* SPDX-License-Identifier: Apache-2.0 */
/* News of a fleet and the lease that follows it: whoever verifies when the old lease has run out does not take
 * the new one for a slot that it read before the news. */
#include "daemon/base/clock.h"
#include "tests/explore/client.h"

enum { REVOKED_ELSEWHERE };

static const int64_t lease = 2 * CLOCK_SECOND;

static void put_in_fleet(unsigned token, int version)
{
    struct record r = record_of(token, version);

    record_set_group(&r, slice_of("g"));
    token_table_put(table, &r);
}

static void set_up(void)
{
    explore_clocks_differ = 0;
    table = token_table_new("jtn", 1);
    token_table_use_fleet(table);
    put_in_fleet(0, 1);
    token_table_set_fleet_lease(table, explore_now() + lease, explore_now() + lease);
    begin_client();
}

/* The agent, back after its lease had run out: what was revoked meanwhile, then the lease. */
static void bring_news(void)
{
    explore_advance(lease + CLOCK_SECOND);
    explore_signal(REVOKED_ELSEWHERE);
    deny(0);
    token_table_set_fleet_lease(table, explore_now() + lease, explore_now() + lease);
}

static void look_up_as_a_client(void)
{
    bool revoked = explore_saw(REVOKED_ELSEWHERE);
    int status = look_up(0);

    explore_check(status == NO_ANSWER || status == STATUS_OK || status == STATUS_REVOKED,
                  "an answer that never was right");
    explore_check(!revoked || status != STATUS_OK, "a revoked token passes after the lease");
}

static void look_up_as_a_worker(void)
{
    bool revoked = explore_saw(REVOKED_ELSEWHERE);
    struct question question = { .value = slice_of(value_of(0)) };
    struct verdict verdict = { .status = STATUS_UNAVAILABLE };

    lookup_judge(table, token_table_enter(table, 0), &question, 1, &verdict);
    token_table_leave(table, 0);
    explore_check(!revoked || verdict.status != STATUS_OK,
                  "a revoked token passes after the lease");
}

static const struct explore_scenario client = {
    "a fleet's lease runs out, then a denial and a new lease come; a client looks it up",
    set_up,
    { bring_news, look_up_as_a_client },
};

static const struct explore_scenario worker = {
    "a fleet's lease runs out, then a denial and a new lease come; a worker verifies",
    set_up,
    { bring_news, look_up_as_a_worker },
};

static void a_client_passes_nothing_by_a_lease_that_came_later(void **state)
{
    (void)state;
    explored_passes(&client);
}

static void a_worker_passes_nothing_by_a_lease_that_came_later(void **state)
{
    (void)state;
    explored_passes(&worker);
}

#define KEEP NULL, "&table->deadlines->keep", NULL

/* A deadline that is read relaxed may as well be read after the slot. */
static const struct explore_mutant of_readers[] = {
    { "nobody looks at the lease", MUTATE_CONSTANT, KEEP, 1012 * CLOCK_SECOND, NULL },
    { "the slot is read before the lease", MUTATE_RELAX, KEEP, 0, NULL },
};

static const struct explore_mutant of_clients[] = {
    { "the lease is granted before the news is there", MUTATE_RELAX, NULL, "&h->monotonic.keep",
      NULL, 0, NULL },
};

static const struct explore_mutant of_workers[] = {
    { "the lease is granted before the news is there", MUTATE_RELAX, NULL, "&h->boottime.keep",
      NULL, 0, NULL },
};

static void faults_of_the_fleets_lease_are_found(void **state)
{
    (void)state;
    MUTANTS_ARE_CAUGHT(&client, of_readers);
    MUTANTS_ARE_CAUGHT(&client, of_clients);
    MUTANTS_ARE_CAUGHT(&worker, of_readers);
    MUTANTS_ARE_CAUGHT(&worker, of_workers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_passes_nothing_by_a_lease_that_came_later),
        cmocka_unit_test(a_worker_passes_nothing_by_a_lease_that_came_later),
        cmocka_unit_test(faults_of_the_fleets_lease_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
