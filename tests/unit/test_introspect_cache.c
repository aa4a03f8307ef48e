/* SPDX-License-Identifier: Apache-2.0 */
/* introspect.so: what is asked once for many questions, and what never is. */
#include "introspect.h"

#include <sys/syscall.h>

static void a_pass_is_asked_for_once_in_its_time(void **state)
{
    (void)state;
    void *in = OPEN(at("http"));

    tell("say 200 application/json {\"active\":true,\"jti\":\"j\",\"sub\":\"ann\",\"iss\":\"i\","
         "\"scope\":\"a b\",\"exp\":%lld}", (long long)NOW + 1000);
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
    static const struct { const char *answer; int reason; } cases[] = {
        { "{\"active\":false}", JETON_REASON_UNKNOWN },
        { "{\"active\":true,\"exp\":5}", JETON_REASON_DENIED },     /* as it is nobody's business */
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
    void *in = OPEN(at("http"), "cache=1m", "negative_cache=30s"), *off =
             OPEN(at("http"), "cache=0s", "negative_cache=0s"), *fails = OPEN(at("http"), "cache=0s");

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
    now = NOW + 4;                              /* that clock was wrong, or this one is */
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
    now = NOW - 1;                              /* before it was asked */
    assert_passes(in, "a");
    assert_int_equal(seen("requests"), 2);
    shift += 9;
    assert_passes(in, "a");
    assert_int_equal(seen("requests"), 2);
    shift += 1;                                 /* ten seconds, and the wall clock stands still */
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
    assert_passes(in, "value");                 /* in its time still */
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
    assert_passes(in, "good 7");                /* instead of the guess */
    assert_passes(in, "good 8");                /* instead of the oldest */
    assert_passes(in, "good 1");
    assert_int_equal(seen("requests"), 109);
    assert_passes(in, "good 0");
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
    assert_in_range(seen("requests"), 300, 400);    /* some sets are full before all are */
    module->close(in);
}

/* -- threads ----------------------------------------------------------------------------------- */

struct asker {
    pthread_t thread;
    void *instance;
    int64_t patience;
    _Atomic pid_t id;
    int wrong;
    int outcome;
    struct jeton_answer answer;
};

static void *ask_many(void *of)
{
    struct asker *a = of;
    char value[24];

    for (int i = 0; i < 100; i++) {
        snprintf(value, sizeof(value), "value %d", i / 4);
        int outcome = ask_into(a->instance, value, strlen(value), &a->answer);
        a->wrong += outcome != JETON_VERIFIER_PASS ||
                    strcmp(a->answer.identity.subject, "ann") != 0;
        outcome = ask_into(a->instance, "caf\xc3\xa9", 5, &a->answer);
        a->wrong += outcome != JETON_VERIFIER_IGNORE;
    }
    return NULL;
}

static void threads_share_an_instance(void **state)
{
    (void)state;
    struct asker asker[8] = { 0 };
    const char *ca = file_at("ca", path_of("ca.pem"));
    void *instance[] = { OPEN(at("https"), ca), OPEN(at("http"), "cache=0s"), OPEN(at("unix")) };

    for (int round = 0; round < 3; round++) {
        fresh(NULL);
        tell("say 200 application/json {\"active\":true,\"sub\":\"ann\"}");
        for (int i = 0; i < 8; i++) {
            asker[i].instance = instance[round];
            assert_int_equal(pthread_create(&asker[i].thread, NULL, ask_many, &asker[i]), 0);
        }
        for (int i = 0; i < 8; i++) {
            pthread_join(asker[i].thread, NULL);
            assert_int_equal(asker[i].wrong, 0);
        }
        assert_int_equal(seen("requests"), round == 1 ? 800 : 25);
        assert_in_range(seen("connections"), 1, 8);
        module->close(instance[round]);
    }
}

static void *ask_one(void *of)
{
    struct asker *a = of;
    struct jeton_question q = { .value = "value", .value_length = 5, .service = "other",
                                .now = NOW, .deadline = monotonic() + a->patience * 1000000 };

    a->answer = (struct jeton_answer){ .identity.expires = JETON_VERIFIER_NEVER };
    a->id = (pid_t)syscall(SYS_gettid);
    a->outcome = module->verify(a->instance, &q, &a->answer);
    return NULL;
}

static bool sleeps(const struct asker *a)
{
    char path[64], stat[256] = "";

    snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)a->id);
    FILE *f = a->id != 0 ? fopen(path, "r") : NULL;
    if (f == NULL)
        return false;
    size_t got = fread(stat, 1, sizeof(stat) - 1, f);
    fclose(f);
    const char *name = got > 0 ? strrchr(stat, ')') : NULL;
    return name != NULL && name[2] == 'S';
}

/* All ask at once; returned from once the server holds one request and all wait. */
static void begin(struct asker *asker, int count, void *instance, int64_t milliseconds)
{
    for (int i = 0; i < count; i++) {
        asker[i] = (struct asker){ .instance = instance, .patience = milliseconds };
        assert_int_equal(pthread_create(&asker[i].thread, NULL, ask_one, &asker[i]), 0);
    }
    await("held", 1);
    for (int i = 0; i < count; i++)
        for (int seen_asleep = 0; seen_asleep < 5; usleep(1000))
            seen_asleep = sleeps(&asker[i]) ? seen_asleep + 1 : 0;
}

static void questions_at_once_about_one_value_are_one_request(void **state)
{
    (void)state;
    void *in = OPEN(at("http"));
    struct asker asker[8];
    static const struct { const char *say; int outcome; } cases[] = {
        { "say 500 application/json {}", JETON_VERIFIER_ERROR },    /* is not kept, so was shared */
        { "say 200 application/json {\"active\":true,\"sub\":\"ann\"}", JETON_VERIFIER_PASS },
    };

    for (int c = 0; c < 2; c++) {
        fresh(NULL);
        tell("%s", cases[c].say);
        tell("mode hold");
        begin(asker, 8, in, 60000);
        tell("release");
        for (int i = 0; i < 8; i++) {
            pthread_join(asker[i].thread, NULL);
            assert_int_equal(asker[i].outcome, cases[c].outcome);
        }
        assert_string_equal(asker[7].answer.identity.subject, c == 0 ? "" : "ann");
    }
    assert_int_equal(seen("requests"), 1);
    module->close(in);
}

static void with_the_cache_off_nobody_gets_anothers_answer(void **state)
{
    (void)state;
    void *in = OPEN(at("http"), "cache=0s");
    struct asker asker[4];

    tell(ACTIVE);
    tell("mode hold");
    for (int i = 0; i < 4; i++) {
        asker[i] = (struct asker){ .instance = in, .patience = 60000 };
        assert_int_equal(pthread_create(&asker[i].thread, NULL, ask_one, &asker[i]), 0);
    }
    await("held", 4);
    tell("release");
    for (int i = 0; i < 4; i++) {
        pthread_join(asker[i].thread, NULL);
        assert_int_equal(asker[i].outcome, JETON_VERIFIER_PASS);
    }
    module->close(in);
}

static void who_has_more_time_than_the_first_asker_asks_again(void **state)
{
    (void)state;
    void *in = OPEN(at("http"));
    struct asker first;

    tell(ACTIVE);
    tell("mode hang");
    first = (struct asker){ .instance = in, .patience = 500 };
    assert_int_equal(pthread_create(&first.thread, NULL, ask_one, &first), 0);
    await("held", 1);
    tell("mode answer");
    assert_passes(in, "value");
    pthread_join(first.thread, NULL);
    assert_int_equal(first.outcome, JETON_VERIFIER_ERROR);
    assert_int_equal(seen("requests"), 2);
    module->close(in);
}

static void who_has_less_time_than_the_first_asker_does_not_wait_for_it(void **state)
{
    (void)state;
    void *in = OPEN(at("http"));
    struct asker first;

    tell(ACTIVE);
    tell("mode hold");
    begin(&first, 1, in, 60000);
    patience = 100;
    assert_errs(in, "value", "did not answer in time");
    assert_int_equal(seen("held"), 1);
    tell("release");
    pthread_join(first.thread, NULL);
    assert_int_equal(first.outcome, JETON_VERIFIER_PASS);
    assert_int_equal(seen("requests"), 1);
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
        cmocka_unit_test_setup(threads_share_an_instance, fresh),
        cmocka_unit_test_setup(questions_at_once_about_one_value_are_one_request, fresh),
        cmocka_unit_test_setup(with_the_cache_off_nobody_gets_anothers_answer, fresh),
        cmocka_unit_test_setup(who_has_more_time_than_the_first_asker_asks_again, fresh),
        cmocka_unit_test_setup(who_has_less_time_than_the_first_asker_does_not_wait_for_it, fresh),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
