/* SPDX-License-Identifier: Apache-2.0 */
/* introspect.so: verify in several threads at once, with shared requests. */
#include "tests/unit/support/introspect_fixture.h"

#include <sys/syscall.h>

struct asker {
    pthread_t thread;
    void *instance;
    int64_t timeout;
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
        snprintf(value, sizeof(value), "value-%d", i / 4);
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
    void *instance[] = { OPEN(at("https"), ca, "cache=5m", "negative_cache=60s"),
                         OPEN(at("http"), "cache=0s"),
                         OPEN(at("unix"), "cache=5m", "negative_cache=60s") };

    for (int round = 0; round < 3; round++) {
        reset(NULL);
        command("say 200 application/json {\"active\":true,\"sub\":\"ann\"}");
        for (int i = 0; i < 8; i++) {
            asker[i].instance = instance[round];
            assert_int_equal(pthread_create(&asker[i].thread, NULL, ask_many, &asker[i]), 0);
        }
        for (int i = 0; i < 8; i++) {
            pthread_join(asker[i].thread, NULL);
            assert_int_equal(asker[i].wrong, 0);
        }
        assert_int_equal(counter("requests"), round == 1 ? 800 : 25);
        assert_in_range(counter("connections"), 1, 8);
        module->close(instance[round]);
    }
}

/* -- single flight ----------------------------------------------------------------------------- */

static void *ask_one(void *of)
{
    struct asker *a = of;
    struct jeton_question q = { .value = "value",
                                .value_length = 5,
                                .service = "other",
                                .now = NOW,
                                .deadline = monotonic() + a->timeout * 1000000 };

    a->answer = (struct jeton_answer){ .identity.expires = JETON_VERIFIER_NEVER };
    a->id = (pid_t)syscall(SYS_gettid);
    a->outcome = module->verify(a->instance, &q, &a->answer);
    return NULL;
}

static bool is_sleeping(const struct asker *a)
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

/* Start threads that ask about one value; return when they wait and the server has a request. */
static void start_threads(struct asker *asker, int count, void *instance, int64_t milliseconds)
{
    for (int i = 0; i < count; i++) {
        asker[i] = (struct asker){ .instance = instance, .timeout = milliseconds };
        assert_int_equal(pthread_create(&asker[i].thread, NULL, ask_one, &asker[i]), 0);
    }
    wait_for("held", 1);
    for (int i = 0; i < count; i++)
        for (int times = 0; times < 5; usleep(1000))
            times = is_sleeping(&asker[i]) ? times + 1 : 0;
}

static void simultaneous_questions_share_a_request(void **state)
{
    (void)state;
    void *in = OPEN(at("http"));
    struct asker asker[8];
    static const struct {
        const char *response;
        int outcome;
    } cases[] = {
        { "say 500 application/json {}", JETON_VERIFIER_ERROR }, /* not cached, so it was shared */
        { "say 200 application/json {\"active\":true,\"sub\":\"ann\"}", JETON_VERIFIER_PASS },
    };

    for (int c = 0; c < 2; c++) {
        reset(NULL);
        command("%s", cases[c].response);
        command("mode hold");
        start_threads(asker, 8, in, 60000);
        command("release");
        for (int i = 0; i < 8; i++) {
            pthread_join(asker[i].thread, NULL);
            assert_int_equal(asker[i].outcome, cases[c].outcome);
        }
        assert_string_equal(asker[7].answer.identity.subject, c == 0 ? "" : "ann");
    }
    assert_int_equal(counter("requests"), 1);
    module->close(in);
}

static void without_a_cache_requests_are_not_shared(void **state)
{
    (void)state;
    void *in = OPEN(at("http"), "cache=0s");
    struct asker asker[4];

    command(ACTIVE);
    command("mode hold");
    for (int i = 0; i < 4; i++) {
        asker[i] = (struct asker){ .instance = in, .timeout = 60000 };
        assert_int_equal(pthread_create(&asker[i].thread, NULL, ask_one, &asker[i]), 0);
    }
    wait_for("held", 4);
    command("release");
    for (int i = 0; i < 4; i++) {
        pthread_join(asker[i].thread, NULL);
        assert_int_equal(asker[i].outcome, JETON_VERIFIER_PASS);
    }
    module->close(in);
}

static void a_later_deadline_than_the_leaders_asks_again(void **state)
{
    (void)state;
    void *in = OPEN(at("http"));
    struct asker first;

    command(ACTIVE);
    command("mode hang");
    first = (struct asker){ .instance = in, .timeout = 1500 };
    assert_int_equal(pthread_create(&first.thread, NULL, ask_one, &first), 0);
    wait_for("held", 1);
    command("mode answer");
    assert_passes(in, "value");
    pthread_join(first.thread, NULL);
    assert_int_equal(first.outcome, JETON_VERIFIER_ERROR);
    assert_int_equal(counter("requests"), 2);
    module->close(in);
}

static void an_earlier_deadline_than_the_leaders_is_kept(void **state)
{
    (void)state;
    void *in = OPEN(at("http"));
    struct asker first;

    command(ACTIVE);
    command("mode hold");
    start_threads(&first, 1, in, 60000);
    timeout = 100;
    assert_errs(in, "value", "did not answer in time");
    assert_int_equal(counter("held"), 1);
    command("release");
    pthread_join(first.thread, NULL);
    assert_int_equal(first.outcome, JETON_VERIFIER_PASS);
    assert_int_equal(counter("requests"), 1);
    module->close(in);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(threads_share_an_instance, reset),
        cmocka_unit_test_setup(simultaneous_questions_share_a_request, reset),
        cmocka_unit_test_setup(without_a_cache_requests_are_not_shared, reset),
        cmocka_unit_test_setup(a_later_deadline_than_the_leaders_asks_again, reset),
        cmocka_unit_test_setup(an_earlier_deadline_than_the_leaders_is_kept, reset),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
