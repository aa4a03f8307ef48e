/* SPDX-License-Identifier: Apache-2.0 */
/* introspect.so: send the right request, and only to the right server. */
#include "tests/unit/support/introspect_fixture.h"

#include <sodium.h>

/* -- the request ------------------------------------------------------------------------------- */

static void the_token_is_form_encoded(void **state)
{
    (void)state;
    void *in = OPEN(at("http"));
    char all[96] = "";

    command(ACTIVE);
    for (char c = '!'; c <= '~'; c++)
        all[c - '!'] = c;
    assert_passes(in, all);
    assert_string_equal(command("last token"), all);
    assert_passes(in, "a+b&token=c%3D=d-e");
    assert_string_equal(command("last token"), "a+b&token=c%3D=d-e");
    assert_string_equal(command("last body"),
                        "token=a%2Bb%26token%3Dc%253D%3Dd-e&token_type_hint=access_token");
    assert_string_equal(command("last content-type"), "application/x-www-form-urlencoded");
    assert_string_equal(command("last accept"), "application/json");
    assert_string_equal(command("last expect"), "");
    assert_string_equal(command("last authorization"), "");
    module->close(in);
}

static void token_type_hint_is_configurable(void **state)
{
    (void)state;
    void *other = OPEN(at("http"), "token_type_hint=a b"),
         *none = OPEN(at("http"), "token_type_hint=none");

    command(ACTIVE);
    assert_passes(other, "x");
    assert_string_equal(command("last token_type_hint"), "a b");
    assert_passes(none, "x");
    assert_string_equal(command("last body"), "token=x");
    module->close(other);
    module->close(none);
}

static void basic_credentials_are_form_encoded(void **state)
{
    (void)state;
    static const char pair[] = "cl%3Aient:s3cr+et%2B%26%25%3D%3A%2F";
    char wanted[128] = "Basic ";
    const char *file = file_at("secret_file", put_file("secret", SECRET "\n", 0600));
    void *in = OPEN(at("http"), "client_id=cl:ient", file);

    unlink(path_of("secret")); /* open() has read it */
    command(ACTIVE);
    sodium_bin2base64(wanted + 6, sizeof(wanted) - 6, (const unsigned char *)pair, strlen(pair),
                      sodium_base64_VARIANT_ORIGINAL);
    assert_passes(in, "x");
    assert_string_equal(command("last authorization"), wanted);
    module->close(in);
}

static void a_bearer_token_is_sent_unchanged(void **state)
{
    (void)state;
    void *in = OPEN(at("unix"), file_at("bearer_file", put_file("bearer", "abc.DEF/+=\r\n", 0640)));

    command(ACTIVE);
    assert_passes(in, "x");
    assert_string_equal(command("last authorization"), "Bearer abc.DEF/+=");
    module->close(in);
}

static void proxies_of_the_environment_are_ignored(void **state)
{
    (void)state;
    static const char *const names[] = { "http_proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY" };
    void *plain = OPEN(at("http")), *tls = OPEN(at("https"), file_at("ca", path_of("ca.pem")));

    command(ACTIVE);
    for (size_t i = 0; i < 4; i++)
        setenv(names[i], "http://127.0.0.1:1", 1);
    assert_passes(plain, "x");
    assert_passes(tls, "x");
    for (size_t i = 0; i < 4; i++)
        unsetenv(names[i]);
    module->close(plain);
    module->close(tls);
}

/* -- the server -------------------------------------------------------------------------------- */

static void the_certificate_is_verified(void **state)
{
    (void)state;
    const char *ca = file_at("ca", path_of("ca.pem"));
    void *right = OPEN(at("https"), ca), *named = OPEN(at("wrong"), ca);
    void *other = OPEN(at("https"), file_at("ca", path_of("other-ca.pem"))),
         *none = OPEN(at("https"));

    command(ACTIVE);
    assert_errs(named, "value", "could not be asked: SSL");
    assert_errs(other, "value", "could not be asked: SSL");
    assert_errs(none, "value", "could not be asked: SSL");
    assert_int_equal(counter("requests"), 0);
    assert_passes(right, "value");
    assert_passes(right, "value-2");
    assert_int_equal(counter("requests"), 2);
    module->close(right);
    module->close(named);
    module->close(other);
    module->close(none);
}

static void redirects_are_not_followed(void **state)
{
    (void)state;
    void *in = OPEN(at("http"), "client_id=me",
                    file_at("secret_file", put_file("secret", SECRET, 0600)));

    command("mode redirect");
    assert_errs(in, "value", "status 307: redirects are not followed");
    command("mode see_other");
    assert_errs(in, "value", "status 303: redirects are not followed");
    assert_int_equal(counter("stray"), 0);
    module->close(in);
}

static void an_unreachable_server_is_an_error(void **state)
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

/* -- memory ------------------------------------------------------------------------------------ */

/* Search all writable memory for a pattern, of which this process has only a masked copy. */
static bool in_memory(const unsigned char *masked, size_t length)
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
            while (same < length && (p[same] ^ 0x55) == masked[same])
                same++;
            found = same == length;
        }
    }
    fclose(maps);
    return found;
}

static void the_value_is_wiped_from_memory(void **state)
{
    (void)state;
    void *instances[] = { OPEN(at("http")), OPEN(at("unix")),
                          OPEN(at("https"), file_at("ca", path_of("ca.pem"))) };
    unsigned char masked[24];
    char value[25] = "";

    if (JETON_SANITIZED) {
        for (size_t server = 0; server < 3; server++)
            module->close(instances[server]);
        skip();
    }
    command(ACTIVE);
    for (size_t server = 0; server < 3; server++) {
        randombytes_buf(masked, sizeof(masked));
        for (size_t i = 0; i < sizeof(masked); i++) {
            masked[i] = (unsigned char)(('a' + masked[i] % 26) ^ 0x55);
            value[i] = (char)(masked[i] ^ 0x55);
        }
        assert_true(in_memory(masked, sizeof(masked)));
        assert_passes(instances[server], value);
        sodium_memzero(value, sizeof(value));
        assert_false(in_memory(masked, sizeof(masked)));
        module->close(instances[server]);
        assert_false(in_memory(masked, sizeof(masked)));
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_token_is_form_encoded, reset),
        cmocka_unit_test_setup(token_type_hint_is_configurable, reset),
        cmocka_unit_test_setup(basic_credentials_are_form_encoded, reset),
        cmocka_unit_test_setup(a_bearer_token_is_sent_unchanged, reset),
        cmocka_unit_test_setup(proxies_of_the_environment_are_ignored, reset),
        cmocka_unit_test_setup(the_certificate_is_verified, reset),
        cmocka_unit_test_setup(redirects_are_not_followed, reset),
        cmocka_unit_test_setup(an_unreachable_server_is_an_error, reset),
        cmocka_unit_test_setup(the_value_is_wiped_from_memory, reset),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
