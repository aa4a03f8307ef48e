/* SPDX-License-Identifier: Apache-2.0 */
/* Who gets in, and at whose cost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/session/client_limit.h"

enum { MAX = 160, PLACES = 150, PER_UID = 100 }; /* ten are kept for those who are trusted */

static struct client_limit *limit;
static struct client_excess excess;

static int set_up(void **state)
{
    (void)state;
    limit = client_limit_new(MAX, PER_UID);
    return limit == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    client_limit_free(limit);
    return 0;
}

static bool enter(uid_t uid, enum client_trust trust)
{
    return client_limit_acquire(limit, uid, false, trust, &excess);
}

static void crowd(uid_t uid, unsigned connections)
{
    for (unsigned i = 0; i < connections; i++) {
        assert_true(enter(uid, CLIENT_UNTRUSTED));
        assert_int_equal(excess.connections, 0);
    }
}

static void leave(uid_t uid, unsigned connections)
{
    for (unsigned i = 0; i < connections; i++)
        client_limit_release(limit, uid, false);
}

static void a_full_house_opens_to_who_has_few_at_the_cost_of_who_has_most(void **state)
{
    (void)state;
    crowd(1, 90);
    crowd(2, 40);
    crowd(3, 20);
    assert_true(enter(4, CLIENT_UNTRUSTED));
    assert_int_equal(excess.uid, 1);
    assert_int_equal(excess.connections, CLIENT_LIMIT_SHED_MAX);
    leave(1, 60);
    crowd(4, 59);
    assert_true(enter(3, CLIENT_UNTRUSTED));
    assert_int_equal(excess.uid, 4);
    for (uid_t uid = 1; uid <= 2; uid++)
        assert_false(enter(uid, CLIENT_UNTRUSTED)); /* more than half as many */
    assert_int_equal(excess.connections, 0);
    assert_int_equal(client_limit_stats(limit).refused, 2);
}

static void at_most_half_of_the_difference_is_closed(void **state)
{
    (void)state;
    for (uid_t uid = 1; uid <= 10; uid++)
        crowd(uid, 15);
    assert_true(enter(20, CLIENT_UNTRUSTED));
    assert_int_equal(excess.connections, 7);
}

static void uids_with_as_many_do_not_change_places(void **state)
{
    (void)state;
    for (uid_t uid = 1; uid <= 75; uid++)
        crowd(uid, 2);
    assert_false(enter(1, CLIENT_UNTRUSTED));
    assert_true(enter(100, CLIENT_UNTRUSTED));
    assert_int_equal(excess.connections, 1);
    assert_false(enter(100, CLIENT_UNTRUSTED));
}

static void newcomers_beyond_the_limit_are_few_until_others_are_closed(void **state)
{
    (void)state;
    crowd(1, 90);
    crowd(2, 60);
    for (uid_t uid = 10; uid < 10 + CLIENT_LIMIT_OVERFLOW; uid++)
        assert_true(enter(uid, CLIENT_UNTRUSTED));
    assert_false(enter(99, CLIENT_UNTRUSTED));
    leave(1, CLIENT_LIMIT_OVERFLOW + 1);
    assert_true(enter(99, CLIENT_UNTRUSTED));
    assert_int_equal(excess.connections, 0);
}

static void who_comes_with_many_at_the_cost_of_others_leaves_places_to_newcomers(void **state)
{
    (void)state;
    crowd(1, 75);
    crowd(2, 75);
    while (enter(3, CLIENT_UNTRUSTED)) /* before any is closed */
        ;
    for (uid_t uid = 4; uid < 8; uid++)
        assert_true(enter(uid, CLIENT_UNTRUSTED));
}

static void places_are_kept_for_those_who_are_trusted(void **state)
{
    (void)state;
    crowd(1, 90);
    crowd(2, 60);
    for (int i = 0; i < MAX - PLACES; i++) {
        assert_true(enter(5, CLIENT_TRUSTED));
        assert_int_equal(excess.connections, 0);
    }
    assert_true(enter(5, CLIENT_TRUSTED));
    assert_int_equal(excess.uid, 1);
    assert_int_equal(client_limit_trust(limit, 5, false), CLIENT_TRUSTED);
    assert_int_equal(client_limit_trust(limit, 1, false), CLIENT_UNTRUSTED);
    assert_int_equal(client_limit_trust(limit, 6, false), CLIENT_UNKNOWN);
}

static void trust_is_unknown_again_when_all_are_to_be_judged_anew(void **state)
{
    (void)state;
    assert_true(enter(5, CLIENT_TRUSTED) && enter(6, CLIENT_TRUSTED));
    client_limit_judge_anew(limit);
    assert_int_equal(client_limit_trust(limit, 5, false), CLIENT_UNKNOWN);
    assert_true(enter(5, CLIENT_UNTRUSTED));
    assert_int_equal(client_limit_trust(limit, 5, false), CLIENT_UNTRUSTED);
    assert_int_equal(client_limit_trust(limit, 6, false), CLIENT_UNKNOWN);
    crowd(1, 90);
    crowd(2, PLACES - 90 - 3);
    assert_false(enter(2, CLIENT_UNTRUSTED));
    assert_true(enter(5, CLIENT_UNTRUSTED));
    assert_int_equal(excess.uid, 1);
}

static void nobody_gets_in_at_the_cost_of_who_is_trusted(void **state)
{
    (void)state;
    for (int i = 0; i < 90; i++)
        assert_true(enter(5, CLIENT_TRUSTED));
    crowd(1, 30);
    crowd(2, 30);
    assert_true(enter(3, CLIENT_UNTRUSTED));
    assert_int_not_equal(excess.uid, 5);
}

static void administrators_get_in_beyond_all_others(void **state)
{
    (void)state;
    crowd(1, 90);
    crowd(2, 60);
    while (enter(5, CLIENT_TRUSTED))
        continue;
    for (int i = 0; i < CLIENT_LIMIT_ADMIN_EXTRA; i++)
        assert_true(client_limit_acquire(limit, 1, true, CLIENT_UNTRUSTED, &excess));
}

static void one_uid_never_has_more_than_its_limit(void **state)
{
    (void)state;
    crowd(1, PER_UID);
    assert_false(enter(1, CLIENT_UNTRUSTED));
    for (int i = 0; i < PLACES - PER_UID; i++)
        assert_true(enter(5, CLIENT_TRUSTED));
    assert_false(enter(1, CLIENT_TRUSTED));
    client_limit_set(limit, MAX, PER_UID + 1);
    assert_true(enter(1, CLIENT_TRUSTED));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        TEST(a_full_house_opens_to_who_has_few_at_the_cost_of_who_has_most),
        TEST(at_most_half_of_the_difference_is_closed),
        TEST(uids_with_as_many_do_not_change_places),
        TEST(newcomers_beyond_the_limit_are_few_until_others_are_closed),
        TEST(who_comes_with_many_at_the_cost_of_others_leaves_places_to_newcomers),
        TEST(places_are_kept_for_those_who_are_trusted),
        TEST(trust_is_unknown_again_when_all_are_to_be_judged_anew),
        TEST(nobody_gets_in_at_the_cost_of_who_is_trusted),
        TEST(administrators_get_in_beyond_all_others),
        TEST(one_uid_never_has_more_than_its_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
