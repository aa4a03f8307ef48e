/* SPDX-License-Identifier: Apache-2.0 */
/* introspect.so: cache results for their lifetime, and never cache errors. */
#include "tests/unit/support/introspect_fixture.h"

/* Two seconds must not go by between two questions on a busy machine. */
static int stop_clock(void **state)
{
    int result = reset(state);

    fake_clock_stands = monotonic() / INT64_C(1000000000);
    return result;
}

static void a_pass_is_cached(void **state)
{
    (void)state;
    void *in = OPEN(at("http"));

    command("say 200 application/json {\"active\":true,\"jti\":\"j\",\"sub\":\"ann\",\"iss\":\"i\","
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
    assert_int_equal(counter("requests"), 1);
    command("say 200 application/json {\"active\":false}");
    assert_fails(in, "one", JETON_REASON_UNKNOWN);
    assert_int_equal(counter("requests"), 2);
    assert_fails(in, "two", JETON_REASON_UNKNOWN);
    assert_fails(in, "on", JETON_REASON_UNKNOWN);
    assert_int_equal(counter("requests"), 4);
    module->close(in);
}

static void a_fail_is_cached_for_a_shorter_time(void **state)
{
    (void)state;
    void *in = OPEN(at("http"), "audience=me");
    static const struct {
        const char *answer;
        int reason;
    } cases[] = {
        { "{\"active\":false}", JETON_REASON_UNKNOWN },
        { "{\"active\":true,\"exp\":5}",
          JETON_REASON_DENIED }, /* before expired: expiry is disclosed to its audience only */
        { "{\"active\":true,\"aud\":\"me\",\"exp\":5}", JETON_REASON_EXPIRED },
    };
    char value[] = "0";

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++, value[0]++) {
        stop_clock(NULL);
        command("say 200 application/json %s", cases[i].answer);
        assert_fails(in, value, cases[i].reason);
        now = NOW + 1;
        assert_fails(in, value, cases[i].reason);
        assert_int_equal(counter("requests"), 1);
        now = NOW + 2;
        command("say 200 application/json {\"active\":true,\"aud\":\"me\"}");
        assert_passes(in, value);
        assert_int_equal(counter("requests"), 2);
    }
    module->close(in);
}

static void lifetimes_are_configurable(void **state)
{
    (void)state;
    void *in = OPEN(at("http"), "cache=1m", "negative_cache=30s"),
         *off = OPEN(at("http"), "cache=0s", "negative_cache=0s"),
         *fails = OPEN(at("http"), "cache=0s");

    command(ACTIVE);
    assert_passes(in, "a");
    now = NOW + 59;
    assert_passes(in, "a");
    assert_int_equal(counter("requests"), 1);
    now = NOW + 60;
    assert_passes(in, "a");
    assert_int_equal(counter("requests"), 2);
    for (int i = 0; i < 3; i++) {
        assert_passes(off, "a");
        assert_passes(fails, "a");
    }
    assert_int_equal(counter("requests"), 8);
    command("say 200 application/json {\"active\":false}");
    for (int i = 0; i < 3; i++) {
        assert_fails(off, "b", JETON_REASON_UNKNOWN);
        assert_fails(fails, "b", JETON_REASON_UNKNOWN);
    }
    assert_int_equal(counter("requests"), 12);
    assert_fails(in, "b", JETON_REASON_UNKNOWN);
    now += 29;
    assert_fails(in, "b", JETON_REASON_UNKNOWN);
    assert_int_equal(counter("requests"), 13);
    module->close(in);
    module->close(off);
    module->close(fails);
}

static void errors_are_not_cached(void **state)
{
    (void)state;
    void *in = OPEN(at("http"));

    command("say 500 application/json {}");
    assert_errs(in, "value", "status 500");
    command("say 200 application/json {\"active\":1}");
    assert_errs(in, "value", "active");
    command(ACTIVE);
    assert_passes(in, "value");
    assert_int_equal(counter("requests"), 3);
    module->close(in);
}

static void exp_and_nbf_limit_the_lifetime(void **state)
{
    (void)state;
    void *in = OPEN(at("http"), "cache=5m", "negative_cache=60s");

    command("say 200 application/json {\"active\":true,\"exp\":%lld,\"nbf\":%lld}",
            (long long)NOW + 5, (long long)NOW + 3);
    assert_fails(in, "value", JETON_REASON_PENDING);
    assert_int_equal(answer.retry_after, 3);
    now = NOW + 2;
    assert_fails(in, "value", JETON_REASON_PENDING);
    assert_int_equal(answer.retry_after, 1);
    assert_int_equal(counter("requests"), 1);
    now = NOW + 3;
    assert_passes(in, "value");
    now = NOW + 4;
    assert_passes(in, "value");
    assert_int_equal(counter("requests"), 2);
    now = NOW + 5;
    assert_fails(in, "value", JETON_REASON_EXPIRED);
    assert_int_equal(counter("requests"), 3);
    now = NOW + 4; /* the clock was set back */
    command("say 200 application/json {\"active\":false}");
    assert_fails(in, "value", JETON_REASON_UNKNOWN);
    module->close(in);
}

static void setting_a_clock_back_does_not_extend_a_lifetime(void **state)
{
    (void)state;
    void *in = OPEN(at("http"));

    command(ACTIVE);
    assert_passes(in, "a");
    now = NOW - 1; /* before it was asked */
    assert_passes(in, "a");
    assert_int_equal(counter("requests"), 2);
    fake_clock_offset += 9;
    assert_passes(in, "a");
    assert_int_equal(counter("requests"), 2);
    fake_clock_offset += 1; /* ten seconds by the monotonic clock alone */
    assert_passes(in, "a");
    assert_int_equal(counter("requests"), 3);
    module->close(in);
}

static void ended_entries_are_not_used_while_the_server_is_down(void **state)
{
    (void)state;
    void *in = OPEN(at("http"));

    command(ACTIVE);
    assert_passes(in, "value");
    command("mode hang_up");
    now = NOW + 9;
    assert_passes(in, "value");
    now = NOW + 10;
    assert_errs(in, "value", "could not be asked");
    now = NOW + 9;
    assert_passes(in, "value"); /* within its lifetime */
    module->close(in);
}

static void a_full_cache_evicts_fails_before_the_oldest_pass(void **state)
{
    (void)state;
    void *in = OPEN(at("http"), "cache_entries=8", "cache=5m", "negative_cache=60s");
    char value[24];

    command(ACTIVE);
    for (int i = 0; i < 7; i++) {
        snprintf(value, sizeof(value), "good-%d", i);
        assert_passes(in, value);
    }
    command("say 200 application/json {\"active\":false}");
    for (int i = 0; i < 100; i++) {
        snprintf(value, sizeof(value), "guess-%d", i);
        assert_fails(in, value, JETON_REASON_UNKNOWN);
    }
    assert_int_equal(counter("requests"), 107);
    for (int i = 0; i < 7; i++) {
        snprintf(value, sizeof(value), "good-%d", i);
        assert_passes(in, value);
    }
    assert_fails(in, "guess-99", JETON_REASON_UNKNOWN);
    assert_int_equal(counter("requests"), 107);
    command(ACTIVE);
    assert_passes(in, "good-7"); /* instead of the guess */
    assert_passes(in, "good-8"); /* instead of the oldest */
    assert_passes(in, "good-1");
    assert_int_equal(counter("requests"), 109);
    assert_passes(in, "good-0"); /* instead of 1, which is the oldest now */
    assert_passes(in, "good-8");
    assert_int_equal(counter("requests"), 110);
    module->close(in);
}

static void every_value_gets_its_own_result(void **state)
{
    (void)state;
    void *in = OPEN(at("unix"), "cache_entries=500");
    char value[24], body[128];

    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 300; i++) {
            snprintf(value, sizeof(value), "value-%d", i);
            snprintf(body, sizeof(body), "{\"active\":true,\"sub\":\"%s\"}", value);
            command("say 200 application/json %s", body);
            assert_passes(in, value);
            assert_string_equal(answer.identity.subject, value);
        }
    assert_in_range(counter("requests"), 300, 400); /* some sets fill up before others */
    module->close(in);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_pass_is_cached, stop_clock),
        cmocka_unit_test_setup(a_fail_is_cached_for_a_shorter_time, stop_clock),
        cmocka_unit_test_setup(lifetimes_are_configurable, stop_clock),
        cmocka_unit_test_setup(errors_are_not_cached, stop_clock),
        cmocka_unit_test_setup(exp_and_nbf_limit_the_lifetime, stop_clock),
        cmocka_unit_test_setup(setting_a_clock_back_does_not_extend_a_lifetime, stop_clock),
        cmocka_unit_test_setup(ended_entries_are_not_used_while_the_server_is_down, stop_clock),
        cmocka_unit_test_setup(a_full_cache_evicts_fails_before_the_oldest_pass, reset),
        cmocka_unit_test_setup(every_value_gets_its_own_result, stop_clock),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
