/* SPDX-License-Identifier: Apache-2.0 */
/* introspect.so: what is kept of answers, how long, and what never is. */
#include "tests/unit/support/introspect_fixture.h"

static void a_pass_is_asked_for_once_in_its_time(void **state)
{
    (void)state;
    void *in = OPEN(at("http"));

    tell("say 200 application/json {\"active\":true,\"jti\":\"j\",\"sub\":\"ann\",\"iss\":\"i\","
         "\"scope\":\"a b\",\"exp\":%lld}",
         (long long)NOW + 1000);
    assert_passes(in, "one");
    for (now = NOW; now < NOW + 10; now++) {
        assert_passes(in, "one");
        assert_int_equal(answer.has_identity, 1);
        assert_string_equal(answer.identity.id, "j");
        assert_string_equal(answer.identity.subject, "ann");
        assert_string_equal(answer.identity.issuer, "i");
        assert_string_equal(answer.identity.scopes, "a,b");
        assert_int_equal(answer.identity.expires, NOW + 1000);
    }
    assert_int_equal(seen("requests"), 1);
    tell("say 200 application/json {\"active\":false}");
    assert_fails(in, "one", JETON_REASON_UNKNOWN);
    assert_int_equal(seen("requests"), 2);
    assert_fails(in, "two", JETON_REASON_UNKNOWN);
    assert_fails(in, "on", JETON_REASON_UNKNOWN);
    assert_int_equal(seen("requests"), 4);
    module->close(in);
}

static void a_fail_is_asked_for_again_sooner(void **state)
{
    (void)state;
    void *in = OPEN(at("http"), "audience=me");
    static const struct {
        const char *answer;
        int reason;
    } cases[] = {
        { "{\"active\":false}", JETON_REASON_UNKNOWN },
        { "{\"active\":true,\"exp\":5}", JETON_REASON_DENIED }, /* as it is nobody's business */
        { "{\"active\":true,\"aud\":\"me\",\"exp\":5}", JETON_REASON_EXPIRED },
    };
    char value[] = "0";

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++, value[0]++) {
        fresh(NULL);
        tell("say 200 application/json %s", cases[i].answer);
        assert_fails(in, value, cases[i].reason);
        now = NOW + 1;
        assert_fails(in, value, cases[i].reason);
        assert_int_equal(seen("requests"), 1);
        now = NOW + 2;
        tell("say 200 application/json {\"active\":true,\"aud\":\"me\"}");
        assert_passes(in, value);
        assert_int_equal(seen("requests"), 2);
    }
    module->close(in);
}

static void lifetimes_are_configurable(void **state)
{
    (void)state;
    void *in = OPEN(at("http"), "cache=1m", "negative_cache=30s"),
         *off = OPEN(at("http"), "cache=0s", "negative_cache=0s"),
         *fails = OPEN(at("http"), "cache=0s");

    tell(ACTIVE);
    assert_passes(in, "a");
    now = NOW + 59;
    assert_passes(in, "a");
    assert_int_equal(seen("requests"), 1);
    now = NOW + 60;
    assert_passes(in, "a");
    assert_int_equal(seen("requests"), 2);
    for (int i = 0; i < 3; i++) {
        assert_passes(off, "a");
        assert_passes(fails, "a");
    }
    assert_int_equal(seen("requests"), 8);
    tell("say 200 application/json {\"active\":false}");
    for (int i = 0; i < 3; i++) {
        assert_fails(off, "b", JETON_REASON_UNKNOWN);
        assert_fails(fails, "b", JETON_REASON_UNKNOWN);
    }
    assert_int_equal(seen("requests"), 12);
    assert_fails(in, "b", JETON_REASON_UNKNOWN);
    now += 29;
    assert_fails(in, "b", JETON_REASON_UNKNOWN);
    assert_int_equal(seen("requests"), 13);
    module->close(in);
    module->close(off);
    module->close(fails);
}

static void errors_are_never_kept(void **state)
{
    (void)state;
    void *in = OPEN(at("http"));

    tell("say 500 application/json {}");
    assert_errs(in, "value", "status 500");
    tell("say 200 application/json {\"active\":1}");
    assert_errs(in, "value", "active");
    tell(ACTIVE);
    assert_passes(in, "value");
    assert_int_equal(seen("requests"), 3);
    module->close(in);
}

static void a_pass_ends_with_exp_and_a_pending_with_nbf(void **state)
{
    (void)state;
    void *in = OPEN(at("http"), "cache=5m", "negative_cache=60s");

    tell("say 200 application/json {\"active\":true,\"exp\":%lld,\"nbf\":%lld}", (long long)NOW + 5,
         (long long)NOW + 3);
    assert_fails(in, "value", JETON_REASON_PENDING);
    assert_int_equal(answer.retry_after, 3);
    now = NOW + 2;
    assert_fails(in, "value", JETON_REASON_PENDING);
    assert_int_equal(answer.retry_after, 1);
    assert_int_equal(seen("requests"), 1);
    now = NOW + 3;
    assert_passes(in, "value");
    now = NOW + 4;
    assert_passes(in, "value");
    assert_int_equal(seen("requests"), 2);
    now = NOW + 5;
    assert_fails(in, "value", JETON_REASON_EXPIRED);
    assert_int_equal(seen("requests"), 3);
    now = NOW + 4; /* that clock was wrong, or this one is */
    tell("say 200 application/json {\"active\":false}");
    assert_fails(in, "value", JETON_REASON_UNKNOWN);
    module->close(in);
}

static void no_clock_that_is_set_back_prolongs_a_pass(void **state)
{
    (void)state;
    void *in = OPEN(at("http"));

    tell(ACTIVE);
    assert_passes(in, "a");
    now = NOW - 1; /* before it was asked */
    assert_passes(in, "a");
    assert_int_equal(seen("requests"), 2);
    shift += 9;
    assert_passes(in, "a");
    assert_int_equal(seen("requests"), 2);
    shift += 1; /* ten seconds, and the wall clock stands still */
    assert_passes(in, "a");
    assert_int_equal(seen("requests"), 3);
    module->close(in);
}

static void what_is_over_is_not_used_when_the_server_is_away(void **state)
{
    (void)state;
    void *in = OPEN(at("http"));

    tell(ACTIVE);
    assert_passes(in, "value");
    tell("mode hang_up");
    now = NOW + 9;
    assert_passes(in, "value");
    now = NOW + 10;
    assert_errs(in, "value", "could not be asked");
    now = NOW + 9;
    assert_passes(in, "value"); /* in its time still */
    module->close(in);
}

static void a_full_cache_forgets_fails_first_and_then_the_oldest(void **state)
{
    (void)state;
    void *in = OPEN(at("http"), "cache_entries=8", "negative_cache=60s");
    char value[24];

    tell(ACTIVE);
    for (int i = 0; i < 7; i++) {
        snprintf(value, sizeof(value), "good %d", i);
        assert_passes(in, value);
    }
    tell("say 200 application/json {\"active\":false}");
    for (int i = 0; i < 100; i++) {
        snprintf(value, sizeof(value), "guess %d", i);
        assert_fails(in, value, JETON_REASON_UNKNOWN);
    }
    assert_int_equal(seen("requests"), 107);
    for (int i = 0; i < 7; i++) {
        snprintf(value, sizeof(value), "good %d", i);
        assert_passes(in, value);
    }
    assert_fails(in, "guess 99", JETON_REASON_UNKNOWN);
    assert_int_equal(seen("requests"), 107);
    tell(ACTIVE);
    assert_passes(in, "good 7"); /* instead of the guess */
    assert_passes(in, "good 8"); /* instead of the oldest */
    assert_passes(in, "good 1");
    assert_int_equal(seen("requests"), 109);
    assert_passes(in, "good 0"); /* instead of 1, which is the oldest now */
    assert_passes(in, "good 8");
    assert_int_equal(seen("requests"), 110);
    module->close(in);
}

static void many_values_find_their_own_answers(void **state)
{
    (void)state;
    void *in = OPEN(at("unix"), "cache_entries=500");
    char value[24], said[128];

    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 300; i++) {
            snprintf(value, sizeof(value), "value %d", i);
            snprintf(said, sizeof(said), "{\"active\":true,\"sub\":\"%s\"}", value);
            tell("say 200 application/json %s", said);
            assert_passes(in, value);
            assert_string_equal(answer.identity.subject, value);
        }
    assert_in_range(seen("requests"), 300, 400); /* some sets are full before all are */
    module->close(in);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_pass_is_asked_for_once_in_its_time, fresh),
        cmocka_unit_test_setup(a_fail_is_asked_for_again_sooner, fresh),
        cmocka_unit_test_setup(lifetimes_are_configurable, fresh),
        cmocka_unit_test_setup(errors_are_never_kept, fresh),
        cmocka_unit_test_setup(a_pass_ends_with_exp_and_a_pending_with_nbf, fresh),
        cmocka_unit_test_setup(no_clock_that_is_set_back_prolongs_a_pass, fresh),
        cmocka_unit_test_setup(what_is_over_is_not_used_when_the_server_is_away, fresh),
        cmocka_unit_test_setup(a_full_cache_forgets_fails_first_and_then_the_oldest, fresh),
        cmocka_unit_test_setup(many_values_find_their_own_answers, fresh),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
