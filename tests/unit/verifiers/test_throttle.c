/* SPDX-License-Identifier: Apache-2.0 */
/* The throttle, by a clock that stands still until the test moves it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/verifiers/throttle.h"

#define MILLISECOND INT64_C(1000000)
#define SECOND (1000 * MILLISECOND)

static _Atomic int64_t now;

int clock_gettime(clockid_t id, struct timespec *t)
{
    if (id == CLOCK_MONOTONIC_COARSE) {
        *t = (struct timespec){ .tv_sec = now / SECOND, .tv_nsec = now % SECOND };
        return 0;
    }
    int (*real)(clockid_t, struct timespec *) =
        (int (*)(clockid_t, struct timespec *))(uintptr_t)dlsym(RTLD_NEXT, "clock_gettime");
    return real(id, t);
}

static char problem[160];
static void *throttle;
static struct jeton_answer answer;

static bool opens(const char *failures, const char *per)
{
    struct jeton_argument arguments[2] = { { NULL, NULL } };
    size_t count = 0;

    if (failures != NULL)
        arguments[count++] = (struct jeton_argument){ "failures", failures };
    if (per != NULL)
        arguments[count++] = (struct jeton_argument){ "per", per };
    return throttle_verifier.open(&throttle, arguments, count, problem, sizeof(problem)) == 0;
}

static int start_clock(void **state)
{
    (void)state;
    now = 1000 * SECOND;
    throttle = NULL;
    return 0;
}

static int close_it(void **state)
{
    (void)state;
    if (throttle != NULL)
        throttle_verifier.close(throttle);
    return 0;
}

static bool passes(uid_t uid)
{
    const struct jeton_question q = { .value = "", .peer_uid = uid };

    memset(&answer, 0, sizeof(answer));
    return throttle_verifier.verify(throttle, &q, &answer) == JETON_VERIFIER_PASS;
}

static void fails(uid_t uid, unsigned times)
{
    while (times-- > 0)
        throttle_failed(throttle, uid, NULL);
}

static bool opens_by(const char *by)
{
    const struct jeton_argument arguments[] = { { "failures", "2" },
                                                { "per", "10s" },
                                                { "by", by } };

    return throttle_verifier.open(&throttle, arguments, 3, problem, sizeof(problem)) == 0;
}

static bool passes_for(uid_t uid, const char *client)
{
    const struct jeton_question q = { .value = "", .peer_uid = uid, .client = client };

    memset(&answer, 0, sizeof(answer));
    return throttle_verifier.verify(throttle, &q, &answer) == JETON_VERIFIER_PASS;
}

/* -- judging ----------------------------------------------------------------------------------- */

static void so_many_failures_are_free_and_then_it_is_denied(void **state)
{
    (void)state;
    assert_true(opens("3", "10s"));
    for (int i = 0; i < 3; i++) {
        assert_true(passes(1000));
        fails(1000, 1);
    }
    assert_false(passes(1000));
    assert_int_equal(answer.reason, JETON_REASON_DENIED);
    assert_int_equal(answer.has_identity, 0);
    assert_in_range(answer.retry_after, 3, 4); /* a third of the time */
    assert_non_null(strstr(answer.message, "too many failed"));
}

static void by_default_there_are_twenty_a_minute(void **state)
{
    (void)state;
    assert_true(opens(NULL, NULL));
    fails(1000, 19);
    assert_true(passes(1000));
    fails(1000, 1);
    assert_false(passes(1000));
    assert_int_equal(answer.retry_after, 3);
}

static void who_waits_as_long_as_asked_passes_and_not_before(void **state)
{
    (void)state;
    static const char *const rates[][2] = { { "1", "1s" }, { "3", "10s" }, { "20", "60s" },
                                            { "1", "1d" }, { "7", "1s" },  { "1000000", "1d" } };

    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        unsigned times = (unsigned)atol(rates[i][0]);
        assert_true(opens(rates[i][0], rates[i][1]));
        fails(1000, times + 3);
        assert_false(passes(1000));
        assert_true(answer.retry_after >= 1);
        now += answer.retry_after * SECOND;
        assert_true(passes(1000));
        fails(1000, times + 3);
        assert_false(passes(1000));
        now += (answer.retry_after - 1) * SECOND;
        assert_true(answer.retry_after == 1 || !passes(1000));
        close_it(NULL);
    }
    throttle = NULL;
}

/* Denied verifications are not counted, however many there are: otherwise none would pass again. */
static void failures_come_back_evenly_in_time(void **state)
{
    (void)state;
    unsigned passed = 0;

    assert_true(opens("10", "20s"));
    for (int tick = 0; tick < 600 * 10; tick++, now += 100 * MILLISECOND)
        if (passes(1000)) {
            passed++;
            fails(1000, 1);
        }
    assert_in_range(passed, 10 + 600 / 2 - 1, 10 + 600 / 2 + 1);
}

static void who_was_quiet_long_enough_has_all_failures_again(void **state)
{
    (void)state;
    assert_true(opens("5", "10s"));
    fails(1000, 1000);
    now += 10 * SECOND;
    for (int i = 0; i < 5; i++) {
        assert_true(passes(1000));
        fails(1000, 1);
    }
    assert_false(passes(1000));
}

static void being_asked_costs_nothing(void **state)
{
    (void)state;
    assert_true(opens("1", "1d"));
    for (int i = 0; i < 100000; i++)
        assert_true(passes(1000));
}

/* -- several users ----------------------------------------------------------------------------- */

static void who_only_succeeds_is_never_denied(void **state)
{
    (void)state;
    assert_true(opens("1", "1d"));
    for (uid_t uid = 0; uid < 20000; uid++) {
        if (uid % 2 == 0)
            fails(uid, 3);
        assert_true(passes(uid | 1));
    }
    for (uid_t uid = 1; uid < 20000; uid += 2)
        assert_true(passes(uid));
    assert_true(passes((uid_t)-2));
}

static void users_have_nothing_to_do_with_each_other(void **state)
{
    (void)state;
    assert_true(opens("2", "10s"));
    for (uid_t uid = 1000; uid < 1050; uid++)
        fails(uid, uid % 2 == 0 ? 2 : 1);
    for (uid_t uid = 1000; uid < 1050; uid++)
        assert_true(passes(uid) == (uid % 2 != 0));
    assert_true(passes(0));
    fails(0, 2);
    assert_false(passes(0));
}

static void clients_of_one_user_have_nothing_to_do_with_each_other(void **state)
{
    (void)state;
    assert_true(opens_by("client"));
    for (int i = 0; i < 2; i++)
        throttle_failed(throttle, 33, "192.0.2.1");
    assert_false(passes_for(33, "192.0.2.1"));
    assert_non_null(strstr(answer.message, "for this client"));
    assert_in_range(answer.retry_after, 5, 6);
    assert_true(passes_for(33, "192.0.2.2"));
    assert_true(passes_for(34, "192.0.2.1"));
    assert_true(passes_for(33, NULL)); /* who names no client is one for himself */
    fails(33, 2);
    assert_false(passes_for(33, NULL));
    assert_non_null(strstr(answer.message, "by this user"));
    assert_true(passes_for(33, "192.0.2.2"));
}

static void by_uid_a_client_makes_no_difference(void **state)
{
    (void)state;
    assert_true(opens_by("uid"));
    throttle_failed(throttle, 33, "192.0.2.1");
    throttle_failed(throttle, 33, "192.0.2.2");
    assert_false(passes_for(33, "192.0.2.3"));
    assert_false(passes_for(33, NULL));
    throttle_verifier.close(throttle);
    throttle = NULL;
    assert_false(opens_by("address"));
    assert_non_null(strstr(problem, "by=: this should be uid or client"));
}

/* Whoever makes up clients takes the buckets of others who made few failures, no memory. */
static void made_up_clients_do_not_hide_who_fails_all_the_time(void **state)
{
    (void)state;
    char client[16];

    assert_true(opens_by("client"));
    for (int i = 0; i < 2; i++)
        throttle_failed(throttle, 33, "192.0.2.1");
    for (int i = 0; i < 100000; i++) {
        snprintf(client, sizeof(client), "%d", i);
        throttle_failed(throttle, 33, client);
    }
    assert_false(passes_for(33, "192.0.2.1"));
}

/* A new user gets the bucket that is full soonest, which is not that of the constant failure. */
static void a_crowd_that_fails_now_and_then_does_not_hide_who_fails_all_the_time(void **state)
{
    (void)state;
    assert_true(opens("20", "60s"));
    fails(1000, 20);
    for (uid_t uid = 100000; uid < 200000; uid++)
        fails(uid, uid % 20 == 0 ? 19 : 1);
    assert_false(passes(1000));
}

static void full_buckets_are_taken_first(void **state)
{
    (void)state;
    unsigned denied = 0;

    assert_true(opens("1", "10s"));
    for (uid_t uid = 100000; uid < 200000; uid++)
        fails(uid, 1);
    now += 10 * SECOND;
    for (uid_t uid = 1000; uid < 1100; uid++)
        fails(uid, 1);
    for (uid_t uid = 1000; uid < 1100; uid++)
        denied += !passes(uid);
    assert_int_equal(denied, 100);
}

static void *be_busy(void *argument)
{
    uid_t uid = (uid_t)(uintptr_t)argument;
    const struct jeton_question q = { .value = "", .peer_uid = uid };
    struct jeton_answer a = { .reason = 0 };
    uintptr_t passed = 0;

    for (int i = 0; i < 5000; i++) {
        if (throttle_verifier.verify(throttle, &q, &a) != JETON_VERIFIER_PASS)
            continue;
        throttle_failed(throttle, uid, NULL);
        passed++;
    }
    return (void *)passed;
}

static void several_threads_ask_at_once(void **state)
{
    (void)state;
    pthread_t thread[4];
    uintptr_t passed[4];

    assert_true(opens("100", "1d"));
    for (uintptr_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, be_busy, (void *)(i / 2)), 0);
    for (size_t i = 0; i < 4; i++) {
        void *result;
        pthread_join(thread[i], &result);
        passed[i] = (uintptr_t)result;
    }
    /* Both users of the last failure may be let in. */
    assert_in_range(passed[0] + passed[1], 100, 101);
    assert_in_range(passed[2] + passed[3], 100, 101);
}

/* -- arguments --------------------------------------------------------------------------------- */

static void arguments_have_bounds(void **state)
{
    (void)state;
    static const char *const failures[] = { "0", "1000001", "-1", "", "many", "1.5", "4294967296" };
    static const char *const per[] = { "0s", "2d", "86401s", "60", "", "-1s", "1y" };

    for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
        assert_false(opens(failures[i], NULL));
        assert_non_null(strstr(problem, "failures=: this should be a number from 1 to 1000000"));
    }
    for (size_t i = 0; i < sizeof(per) / sizeof(per[0]); i++) {
        assert_false(opens("1", per[i]));
        assert_non_null(strstr(problem, "per=: this should be a duration from 1s to 1d"));
    }
    throttle = NULL;
}

static void unknown_and_repeated_arguments_are_refused(void **state)
{
    (void)state;
    static const struct jeton_argument unknown = { "rate", "5" };
    static const struct jeton_argument twice[] = { { "per", "5s" }, { "per", "6s" } };

    assert_int_equal(throttle_verifier.open(&throttle, &unknown, 1, problem, sizeof(problem)), -1);
    assert_non_null(strstr(problem, "there is no argument rate="));
    assert_int_equal(throttle_verifier.open(&throttle, twice, 2, problem, sizeof(problem)), -1);
    assert_non_null(strstr(problem, "per= is given twice"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(test) cmocka_unit_test_setup_teardown(test, start_clock, close_it)
        TEST(so_many_failures_are_free_and_then_it_is_denied),
        TEST(by_default_there_are_twenty_a_minute),
        TEST(who_waits_as_long_as_asked_passes_and_not_before),
        TEST(failures_come_back_evenly_in_time),
        TEST(who_was_quiet_long_enough_has_all_failures_again),
        TEST(being_asked_costs_nothing),
        TEST(who_only_succeeds_is_never_denied),
        TEST(users_have_nothing_to_do_with_each_other),
        TEST(clients_of_one_user_have_nothing_to_do_with_each_other),
        TEST(by_uid_a_client_makes_no_difference),
        TEST(made_up_clients_do_not_hide_who_fails_all_the_time),
        TEST(a_crowd_that_fails_now_and_then_does_not_hide_who_fails_all_the_time),
        TEST(full_buckets_are_taken_first),
        TEST(several_threads_ask_at_once),
        TEST(arguments_have_bounds),
        TEST(unknown_and_repeated_arguments_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
