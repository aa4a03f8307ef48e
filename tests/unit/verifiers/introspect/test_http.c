/* SPDX-License-Identifier: Apache-2.0 */
/* introspect.so: accept only complete HTTP responses with JSON, before the deadline. */
#include "tests/unit/support/introspect_fixture.h"

#include <netdb.h>

#define TIMEOUT_MESSAGE "did not answer in time"

enum { PATIENCE = 30000 }; /* milliseconds */

/* Hang in the resolution of one name. */
static pthread_mutex_t resolver = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool resolving;

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **list)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) =
        (int (*)(const char *, const char *, const struct addrinfo *,
                 struct addrinfo **))(uintptr_t)dlsym(RTLD_NEXT, "getaddrinfo");

    if (strcmp(name, "hung.example") != 0)
        return real(name, service, hints, list);
    resolving = true;
    pthread_mutex_lock(&resolver);
    pthread_mutex_unlock(&resolver);
    return EAI_FAIL;
}

/* -- the response ----------------------------------------------------------------------------- */

static void a_status_other_than_200_is_an_error(void **state)
{
    (void)state;
    void *in = OPEN(at("http"), "client_id=me",
                    file_at("secret_file", put_file("secret", SECRET, 0600)));
    static const struct {
        int status;
        const char *word;
    } cases[] = {
        { 500, "status 500" },
        { 503, "status 503" },
        { 201, "status 201" },
        { 204, "status 204" },
        { 401, "it does not accept our credentials" },
        { 403, "introspect" },
        { 404, "url=" },
        { 429, "too often" },
        { 400, "wrong" },
        { 304, "status 304" },
        { 206, "status 206" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        command("say %d application/json %s", cases[i].status,
                cases[i].status == 204 || cases[i].status == 304 ? "" : "{\"active\":true}");
        assert_errs(in, "value", cases[i].word);
    }
    module->close(in);
}

static void only_application_json_is_accepted(void **state)
{
    (void)state;
    void *in = OPEN(at("http"));
    static const char *const other_types[] = {
        "-",
        "text/html",
        "text/json",
        "application/jsonp",
        "application/json+x",
        "application/token-introspection+jwt",
        "application/x-application/json",
    };
    static const char *const json_types[] = {
        "application/json",
        "Application/JSON",
        "application/json;charset=utf-8",
    };

    for (size_t i = 0; i < sizeof(other_types) / sizeof(other_types[0]); i++) {
        command("say 200 %s {\"active\":true}", other_types[i]);
        assert_errs(in, "value", "not application/json");
    }
    for (size_t i = 0; i < sizeof(json_types) / sizeof(json_types[0]); i++) {
        char value[] = { 'a' + (char)i, '\0' };
        command("say 200 %s {\"active\":true}", json_types[i]);
        assert_passes(in, value);
    }
    module->close(in);
}

static void an_overlong_response_is_an_error(void **state)
{
    (void)state;
    void *in = OPEN(at("http"));
    static const struct {
        const char *mode, *word;
    } cases[] = {
        { "huge", "longer than 64 KiB" },
        { "huge_chunks", "longer than 64 KiB" },
        { "huge_headers", "headers" },
        { "continues", "headers" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        command("mode %s", cases[i].mode);
        assert_errs(in, "value", cases[i].word);
    }
    command("mode answer");
    command(ACTIVE);
    assert_passes(in, "value");
    module->close(in);
}

static void a_response_of_64_KiB_is_read(void **state)
{
    (void)state;
    void *in = OPEN(at("http"));
    static char filler[65537];

    memset(filler, ' ', sizeof(filler));
    filler[65536 - strlen("{\"active\":true}")] = '\0';
    command("say 200 application/json {\"active\":true}%s", filler);
    assert_passes(in, "value");
    command("say 200 application/json {\"active\":true} %s", filler);
    assert_errs(in, "value-2", "longer than 64 KiB");
    module->close(in);
}

static void an_incomplete_response_is_an_error(void **state)
{
    (void)state;
    void *instances[] = { OPEN(at("http")), OPEN(at("unix")),
                          OPEN(at("https"), file_at("ca", path_of("ca.pem"))) };
    static const char *const modes[] = { "hang_up", "cut", "garbage", "odd_status" };

    command(ACTIVE);
    for (size_t server = 0; server < 3; server++) {
        for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
            command("mode %s", modes[i]);
            assert_errs(instances[server], "value", "could not be asked");
        }
        command("mode answer");
        assert_passes(instances[server], "value");
        module->close(instances[server]);
    }
}

static void a_request_ends_at_the_deadline(void **state)
{
    (void)state;
    void *in = OPEN(at("http")), *tls = OPEN(at("https"), file_at("ca", path_of("ca.pem")));
    static const char *const modes[] = { "hang", "drip", "drip_body" };

    for (size_t i = 0; i < 2 * sizeof(modes) / sizeof(modes[0]); i++) {
        command("mode %s", modes[i / 2]);
        int64_t started = monotonic();
        timeout = 200;
        assert_errs(i % 2 ? tls : in, "value", TIMEOUT_MESSAGE);
        assert_in_range((monotonic() - started) / 1000000, 190, PATIENCE);
    }
    command("reset");
    timeout = 0;
    assert_errs(in, "value", TIMEOUT_MESSAGE);
    timeout = -1000;
    assert_errs(in, "value", TIMEOUT_MESSAGE);
    assert_int_equal(counter("requests"), 0);
    module->close(in);
    module->close(tls);
}

static void a_hung_resolver_is_left_at_the_deadline(void **state)
{
    (void)state;
    void *in = OPEN("url=https://hung.example/");

    pthread_mutex_lock(&resolver);
    timeout = 200;
    int64_t started = monotonic();
    assert_errs(in, "value", TIMEOUT_MESSAGE);
    int64_t took = (monotonic() - started) / 1000000;
    for (int i = 0; i < PATIENCE && !resolving; i++)
        usleep(1000); /* its thread may be late */
    assert_true(resolving);
    module->close(in);
    pthread_mutex_unlock(&resolver);
    assert_in_range(took, 190, PATIENCE);
}

static void connections_are_reused_and_reopened(void **state)
{
    (void)state;
    void *instances[] = { OPEN(at("http"), "cache=0s"), OPEN(at("unix"), "cache=0s"),
                          OPEN(at("https"), "cache=0s", file_at("ca", path_of("ca.pem"))) };

    for (size_t server = 0; server < 3; server++) {
        reset(NULL);
        command(ACTIVE);
        for (int i = 0; i < 10; i++)
            assert_passes(instances[server], "value");
        assert_int_equal(counter("connections"), 1);
        command("mode unannounced"); /* often closed only after the next request is sent */
        for (int i = 0; i < 100; i++)
            assert_passes(instances[server], "value");
        assert_in_range(counter("connections"), 100, 101);
        assert_int_equal(counter("requests"), 110);
        module->close(instances[server]);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_status_other_than_200_is_an_error, reset),
        cmocka_unit_test_setup(only_application_json_is_accepted, reset),
        cmocka_unit_test_setup(an_overlong_response_is_an_error, reset),
        cmocka_unit_test_setup(a_response_of_64_KiB_is_read, reset),
        cmocka_unit_test_setup(an_incomplete_response_is_an_error, reset),
        cmocka_unit_test_setup(a_request_ends_at_the_deadline, reset),
        cmocka_unit_test_setup(a_hung_resolver_is_left_at_the_deadline, reset),
        cmocka_unit_test_setup(connections_are_reused_and_reopened, reset),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
