/* SPDX-License-Identifier: Apache-2.0 */
/* What a verifier's flags make of its entry. */
#include "tests/unit/support/configured_stack.h"

static void what_computes_for_long_is_asked_on_a_pool(void **state)
{
    (void)state;
    bring("unit_costly");
    make("[service git]\nrequired = unit_costly threads=2 queue=3 deadline=1s\n");
    assert_true(stack("git")->on_pool);
    assert_int_equal(thread_pool_places(stack("git")->entry[0].pool), 5);
    assert_int_equal(stack("git")->entry[0].deadline, 1000 * 1000000);
}

static void groups_are_read_only_for_who_needs_them(void **state)
{
    (void)state;
    bring("unit_plain");
    make("[service a]\nsufficient = local\nrequisite = require scope=x\n"
         "[service b]\nsufficient = local\nrequisite = require peer_gid=0\n"
         "[service c]\nrequired = throttle\nsufficient = local\n"
         "[service d]\nsufficient = unit_plain\n");
    assert_false(stack("a")->entry[1].needs_groups);
    assert_true(stack("b")->entry[1].needs_groups);
    assert_false(stack("b")->entry[0].needs_groups);
    assert_false(stack("c")->entry[0].needs_groups);
    assert_true(stack("d")->entry[0].needs_groups); /* it has no flag that it does not */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONFIGURED(what_computes_for_long_is_asked_on_a_pool),
        CONFIGURED(groups_are_read_only_for_who_needs_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
