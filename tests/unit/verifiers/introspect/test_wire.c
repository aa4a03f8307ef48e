/* SPDX-License-Identifier: Apache-2.0 */
/* introspect.so: what it sends, to whom, and what it takes for an answer. */
#include "tests/unit/support/introspect_fixture.h"

#include <netdb.h>
#include <sodium.h>

#define ERROR_IN_TIME "did not answer in time"

/* A name that is never resolved. */
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

/* -- what is sent ------------------------------------------------------------------------------ */

static void the_token_arrives_as_it_was_presented(void **state)
{
    (void)state;
    void *in = OPEN(at("http"));
    char all[96] = "";

    tell(ACTIVE);
    for (char c = ' '; c <= '~'; c++)
        all[c - ' '] = c;
    assert_passes(in, all);
    assert_string_equal(tell("last token"), all);
    assert_passes(in, "a+b&token=c%3D=d e");
    assert_string_equal(tell("last token"), "a+b&token=c%3D=d e");
    assert_string_equal(tell("last body"),
                        "token=a%2Bb%26token%3Dc%253D%3Dd+e&token_type_hint=access_token");
    assert_string_equal(tell("last content-type"), "application/x-www-form-urlencoded");
    assert_string_equal(tell("last accept"), "application/json");
    assert_string_equal(tell("last expect"), "");
    assert_string_equal(tell("last authorization"), "");
    module->close(in);
}

static void the_hint_is_configurable_and_may_be_left_out(void **state)
{
    (void)state;
    void *other = OPEN(at("http"), "token_type_hint=a b"),
         *none = OPEN(at("http"), "token_type_hint=none");

    tell(ACTIVE);
    assert_passes(other, "x");
    assert_string_equal(tell("last token_type_hint"), "a b");
    assert_passes(none, "x");
    assert_string_equal(tell("last body"), "token=x");
    module->close(other);
    module->close(none);
}

static void basic_credentials_are_form_encoded_first(void **state)
{
    (void)state;
    static const char pair[] = "cl%3Aient:s3cr+et%2B%26%25%3D%3A%2F";
    char wanted[128] = "Basic ";
    const char *file = file_at("secret_file", put_file("secret", SECRET "\n", 0600));
    void *in = OPEN(at("http"), "client_id=cl:ient", file);

    unlink(path_of("secret")); /* read when it was opened, and not again */
    tell(ACTIVE);
    sodium_bin2base64(wanted + 6, sizeof(wanted) - 6, (const unsigned char *)pair, strlen(pair),
                      sodium_base64_VARIANT_ORIGINAL);
    assert_passes(in, "x");
    assert_string_equal(tell("last authorization"), wanted);
    module->close(in);
}

static void a_bearer_is_sent_as_it_is_in_the_file(void **state)
{
    (void)state;
    void *in = OPEN(at("unix"), file_at("bearer_file", put_file("bearer", "abc.DEF/+=\r\n", 0640)));

    tell(ACTIVE);
    assert_passes(in, "x");
    assert_string_equal(tell("last authorization"), "Bearer abc.DEF/+=");
    module->close(in);
}

static void no_proxy_of_the_environment_is_used(void **state)
{
    (void)state;
    static const char *const names[] = { "http_proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY" };
    void *plain = OPEN(at("http")), *tls = OPEN(at("https"), file_at("ca", path_of("ca.pem")));

    tell(ACTIVE);
    for (size_t i = 0; i < 4; i++)
        setenv(names[i], "http://127.0.0.1:1", 1);
    assert_passes(plain, "x");
    assert_passes(tls, "x");
    for (size_t i = 0; i < 4; i++)
        unsetenv(names[i]);
    module->close(plain);
    module->close(tls);
}

/* -- to whom ----------------------------------------------------------------------------------- */

static void only_the_server_with_the_right_certificate_is_asked(void **state)
{
    (void)state;
    const char *ca = file_at("ca", path_of("ca.pem"));
    void *right = OPEN(at("https"), ca), *named = OPEN(at("wrong"), ca);
    void *other = OPEN(at("https"), file_at("ca", path_of("other-ca.pem"))),
         *none = OPEN(at("https"));

    tell(ACTIVE);
    assert_errs(named, "value", "could not be asked: SSL");
    assert_errs(other, "value", "could not be asked: SSL");
    assert_errs(none, "value", "could not be asked: SSL");
    assert_int_equal(seen("requests"), 0);
    assert_passes(right, "value");
    assert_passes(right, "value 2");
    assert_int_equal(seen("requests"), 2);
    module->close(right);
    module->close(named);
    module->close(other);
    module->close(none);
}

static void redirect_is_not_followed(void **state)
{
    (void)state;
    void *in = OPEN(at("http"), "client_id=me",
                    file_at("secret_file", put_file("secret", SECRET, 0600)));

    tell("mode redirect");
    assert_errs(in, "value", "status 307: redirects are not followed");
    tell("mode see_other");
    assert_errs(in, "value", "status 303: redirects are not followed");
    assert_int_equal(seen("stray"), 0);
    module->close(in);
}

static void a_server_that_is_away_is_an_error(void **state)
{
    (void)state;
    void *tcp = OPEN("url=http://127.0.0.1:1/"), *local = OPEN("url=http+unix:///nowhere/s:/i");
    void *both = OPEN("url=http://localhost:1/");

    assert_errs(tcp, "value", "could not be asked");
    assert_errs(local, "value", "could not be asked");
    assert_errs(both, "value", "could not be asked");
    module->close(tcp);
    module->close(local);
    module->close(both);
}

/* -- what comes back --------------------------------------------------------------------------- */

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
        tell("say %d application/json %s", cases[i].status,
             cases[i].status == 204 || cases[i].status == 304 ? "" : "{\"active\":true}");
        assert_errs(in, "value", cases[i].word);
    }
    module->close(in);
}

static void only_json_is_an_answer(void **state)
{
    (void)state;
    void *in = OPEN(at("http"));
    static const char *const others[] = {
        "-",
        "text/html",
        "text/json",
        "application/jsonp",
        "application/json+x",
        "application/token-introspection+jwt",
        "application/x-application/json",
    };
    static const char *const same[] = {
        "application/json",
        "Application/JSON",
        "application/json;charset=utf-8",
    };

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        tell("say 200 %s {\"active\":true}", others[i]);
        assert_errs(in, "value", "not application/json");
    }
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        char value[] = { 'a' + (char)i, '\0' };
        tell("say 200 %s {\"active\":true}", same[i]);
        assert_passes(in, value);
    }
    module->close(in);
}

static void an_answer_without_bounds_is_an_error(void **state)
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
        tell("mode %s", cases[i].mode);
        assert_errs(in, "value", cases[i].word);
    }
    tell("mode answer");
    tell(ACTIVE);
    assert_passes(in, "value");
    module->close(in);
}

static void an_answer_of_64_KiB_is_read(void **state)
{
    (void)state;
    void *in = OPEN(at("http"));
    static char filler[65537];

    memset(filler, ' ', sizeof(filler));
    filler[65536 - strlen("{\"active\":true}")] = '\0';
    tell("say 200 application/json {\"active\":true}%s", filler);
    assert_passes(in, "value");
    tell("say 200 application/json {\"active\":true} %s", filler);
    assert_errs(in, "value 2", "longer than 64 KiB");
    module->close(in);
}

static void an_answer_that_is_not_whole_is_an_error(void **state)
{
    (void)state;
    void *doors[] = { OPEN(at("http")), OPEN(at("unix")),
                      OPEN(at("https"), file_at("ca", path_of("ca.pem"))) };
    static const char *const modes[] = { "hang_up", "cut", "garbage", "odd_status" };

    tell(ACTIVE);
    for (size_t door = 0; door < 3; door++) {
        for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
            tell("mode %s", modes[i]);
            assert_errs(doors[door], "value", "could not be asked");
        }
        tell("mode answer");
        assert_passes(doors[door], "value");
        module->close(doors[door]);
    }
}

static void at_the_deadline_a_server_is_given_up(void **state)
{
    (void)state;
    void *in = OPEN(at("http")), *tls = OPEN(at("https"), file_at("ca", path_of("ca.pem")));
    static const char *const modes[] = { "hang", "drip", "drip_body" };

    for (size_t i = 0; i < 2 * sizeof(modes) / sizeof(modes[0]); i++) {
        tell("mode %s", modes[i / 2]);
        int64_t begun = monotonic();
        patience = 200;
        assert_errs(i % 2 ? tls : in, "value", ERROR_IN_TIME);
        int64_t took = (monotonic() - begun) / 1000000;
        assert_in_range(took, 190, SANITIZED ? 5000 : 1500);
    }
    tell("reset");
    patience = 0;
    assert_errs(in, "value", ERROR_IN_TIME);
    patience = -1000;
    assert_errs(in, "value", ERROR_IN_TIME);
    assert_int_equal(seen("requests"), 0);
    module->close(in);
    module->close(tls);
}

static void a_hung_resolver_holds_nobody_beyond_the_deadline(void **state)
{
    (void)state;
    void *in = OPEN("url=https://hung.example/");

    pthread_mutex_lock(&resolver);
    patience = 200;
    int64_t begun = monotonic();
    assert_errs(in, "value", ERROR_IN_TIME);
    int64_t took = (monotonic() - begun) / 1000000;
    assert_true(resolving);
    module->close(in);
    pthread_mutex_unlock(&resolver);
    assert_in_range(took, 190, SANITIZED ? 5000 : 1500);
}

static void connections_are_kept_and_made_anew_when_they_are_gone(void **state)
{
    (void)state;
    void *doors[] = { OPEN(at("http"), "cache=0s"), OPEN(at("unix"), "cache=0s"),
                      OPEN(at("https"), "cache=0s", file_at("ca", path_of("ca.pem"))) };

    for (size_t door = 0; door < 3; door++) {
        fresh(NULL);
        tell(ACTIVE);
        for (int i = 0; i < 10; i++)
            assert_passes(doors[door], "value");
        assert_int_equal(seen("connections"), 1);
        tell("mode unannounced"); /* often closed only once the next one is sent */
        for (int i = 0; i < 100; i++)
            assert_passes(doors[door], "value");
        assert_in_range(seen("connections"), 100, 101);
        assert_int_equal(seen("requests"), 110);
        module->close(doors[door]);
    }
}

/* -- what is left ------------------------------------------------------------------------------ */

/* Looks through all that this process can write, for a pattern that it holds only in disguise. */
static bool in_memory(const unsigned char *disguised, size_t length)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512], mode[8];
    unsigned long from, to;
    bool found = false;

    while (!found && fgets(line, sizeof(line), maps) != NULL) {
        if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) != 3 || strncmp(mode, "rw", 2) != 0)
            continue;
        for (const unsigned char *p = (const unsigned char *)from;
             p + length <= (const unsigned char *)to && !found; p++) {
            size_t same = 0;
            while (same < length && (p[same] ^ 0x55) == disguised[same])
                same++;
            found = same == length;
        }
    }
    fclose(maps);
    return found;
}

static void the_value_is_left_nowhere_in_memory(void **state)
{
    (void)state;
    void *doors[] = { OPEN(at("http")), OPEN(at("unix")),
                      OPEN(at("https"), file_at("ca", path_of("ca.pem"))) };
    unsigned char disguised[24];
    char value[25] = "";

    if (SANITIZED) {
        for (size_t door = 0; door < 3; door++)
            module->close(doors[door]);
        skip();
    }
    tell(ACTIVE);
    for (size_t door = 0; door < 3; door++) {
        randombytes_buf(disguised, sizeof(disguised));
        for (size_t i = 0; i < sizeof(disguised); i++) {
            disguised[i] = (unsigned char)(('a' + disguised[i] % 26) ^ 0x55);
            value[i] = (char)(disguised[i] ^ 0x55);
        }
        assert_true(in_memory(disguised, sizeof(disguised)));
        assert_passes(doors[door], value);
        sodium_memzero(value, sizeof(value));
        assert_false(in_memory(disguised, sizeof(disguised)));
        module->close(doors[door]);
        assert_false(in_memory(disguised, sizeof(disguised)));
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_token_arrives_as_it_was_presented, fresh),
        cmocka_unit_test_setup(the_hint_is_configurable_and_may_be_left_out, fresh),
        cmocka_unit_test_setup(basic_credentials_are_form_encoded_first, fresh),
        cmocka_unit_test_setup(a_bearer_is_sent_as_it_is_in_the_file, fresh),
        cmocka_unit_test_setup(no_proxy_of_the_environment_is_used, fresh),
        cmocka_unit_test_setup(only_the_server_with_the_right_certificate_is_asked, fresh),
        cmocka_unit_test_setup(redirect_is_not_followed, fresh),
        cmocka_unit_test_setup(a_server_that_is_away_is_an_error, fresh),
        cmocka_unit_test_setup(a_status_other_than_200_is_an_error, fresh),
        cmocka_unit_test_setup(only_json_is_an_answer, fresh),
        cmocka_unit_test_setup(an_answer_without_bounds_is_an_error, fresh),
        cmocka_unit_test_setup(an_answer_of_64_KiB_is_read, fresh),
        cmocka_unit_test_setup(an_answer_that_is_not_whole_is_an_error, fresh),
        cmocka_unit_test_setup(at_the_deadline_a_server_is_given_up, fresh),
        cmocka_unit_test_setup(a_hung_resolver_holds_nobody_beyond_the_deadline, fresh),
        cmocka_unit_test_setup(connections_are_kept_and_made_anew_when_they_are_gone, fresh),
        cmocka_unit_test_setup(the_value_is_left_nowhere_in_memory, fresh),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
