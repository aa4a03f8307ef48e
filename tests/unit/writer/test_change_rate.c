/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/writer/change_rate.h"

enum { NOW = 1000, UID = 4711, USERS = 5000 };

static void use_up(struct change_rates *rates, uid_t uid, int64_t now)
{
    for (int i = 0; i < CHANGE_RATE_BURST; i++)
        assert_int_equal(change_rate_take(rates, uid, now), 0);
}

static void a_user_has_a_burst_and_then_one_in_some_seconds(void **state)
{
    struct change_rates rates = { .count = 0 };

    (void)state;
    use_up(&rates, UID, NOW);
    assert_int_equal(change_rate_take(&rates, UID, NOW), CHANGE_RATE_SECONDS);
    assert_int_equal(change_rate_take(&rates, UID, NOW + CHANGE_RATE_SECONDS - 1), 1);
    assert_int_equal(change_rate_take(&rates, UID, NOW + CHANGE_RATE_SECONDS), 0);
    assert_true(change_rate_take(&rates, UID, NOW + CHANGE_RATE_SECONDS) > 0);
    use_up(&rates, UID, NOW + (CHANGE_RATE_BURST + 1) * CHANGE_RATE_SECONDS);
    change_rate_free(&rates);
}

static void users_do_not_share_it(void **state)
{
    struct change_rates rates = { .count = 0 };

    (void)state;
    use_up(&rates, UID, NOW);
    use_up(&rates, UID + 64, NOW);
    assert_true(change_rate_take(&rates, UID, NOW) > 0);
    change_rate_free(&rates);
}

static void who_is_as_good_as_new_is_forgotten_and_nobody_else(void **state)
{
    struct change_rates rates = { .count = 0 };
    const int64_t later = NOW + CHANGE_RATE_SECONDS + 1;

    (void)state;
    use_up(&rates, UID, NOW);
    for (uid_t uid = 0; uid < USERS; uid++)
        change_rate_take(&rates, 10000 + uid, NOW);
    assert_int_equal(rates.count, USERS + 1);
    for (uid_t uid = 0; uid < 2 * USERS; uid++)
        change_rate_take(&rates, 100000 + uid, later);
    assert_true(rates.count <= 2 * USERS + 1);
    for (int i = 0; i < 2; i++)
        assert_int_equal(change_rate_take(&rates, UID, later) > 0, i == 1);
    change_rate_free(&rates);
    assert_int_equal(rates.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_user_has_a_burst_and_then_one_in_some_seconds),
        cmocka_unit_test(users_do_not_share_it),
        cmocka_unit_test(who_is_as_good_as_new_is_forgotten_and_nobody_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
