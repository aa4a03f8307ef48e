/* SPDX-License-Identifier: Apache-2.0 */
/* introspect.so: check its arguments and the files that they name. */
#include "tests/unit/support/introspect_fixture.h"

static const struct {
    const char *argument[5], *word;
} wrong_arguments[] = {
    { { NULL }, "url= is missing" },
    { { "url=https://a/", "ulr=https://a/" }, "no argument ulr=" },
    { { "url=https://a/", "url=https://b/" }, "given twice" },
    { { "url=" }, "this should be https://" },
    { { "url=ftp://a/" }, "this should be https://" },
    { { "url=file:///etc/passwd" }, "url=" },
    { { "url=a/introspect" }, "url=" },
    { { "url=https://" }, "url=" },
    { { "url=https://a/ b" }, "a space" },
    { { "url=https://a/\r\nX: y" }, "a space" },
    { { "url=https://a/#b" }, "fragment" },
    { { "url=https://me:secret@a/" }, "secret_file=" },
    { { "url=http+unix://relative:/introspect" }, "http+unix:///SOCKET:/PATH" },
    { { "url=http+unix:///run/oauth.sock" }, "http+unix:///SOCKET:/PATH" },
    { { "url=http+unix:///run/oauth.sock:introspect" }, "http+unix:///SOCKET:/PATH" },
    { { "url=https://a/", "client_id=me" }, "belong together" },
    { { "url=https://a/", "secret_file=/x" }, "belong together" },
    { { "url=https://a/", "client_id=me", "secret_file=/x", "bearer_file=/x" },
      "exclude each other" },
    { { "url=https://a/", "client_id=me", "secret_file=/nowhere" },
      "secret_file=: /nowhere: No such file" },
    { { "url=https://a/", "client_id=m\xc3\xa9", "secret_file=/x" }, "printable ASCII" },
    { { "url=https://a/", "bearer_file=secret" }, "absolute path" },
    { { "url=https://a/", "bearer_file=/nowhere" }, "No such file" },
    { { "url=https://a/", "ca=/nowhere" }, "No such file" },
    { { "url=https://a/", "ca=/etc/passwd" }, "no certificate" },
    { { "url=https://a/", "ca=/etc" }, "regular file" },
    { { "url=http://127.0.0.1/", "ca=/etc/passwd" }, "https:// url only" },
    { { "url=https://a/", "issuer=" }, "issuer=: this should be" },
    { { "url=https://a/", "cache=10" }, "from 0s (off) to 5m" },
    { { "url=https://a/", "cache=301s" }, "from 0s (off) to 5m" },
    { { "url=https://a/", "negative_cache=2m" }, "from 0s (off) to 60s" },
    { { "url=https://a/", "cache_entries=0" }, "from 1 to" },
    { { "url=https://a/", "cache_entries=1000001" }, "from 1 to" },
    { { "url=https://a/", "insecure_http=maybe" }, "yes or no" },
};

static void wrong_arguments_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(wrong_arguments) / sizeof(wrong_arguments[0]); i++) {
        assert_null(open_with(wrong_arguments[i].argument));
        if (strstr(problem, wrong_arguments[i].word) == NULL)
            fail_msg("wanted \"%s\", got: %s", wrong_arguments[i].word, problem);
    }
}

static void socket_paths_are_limited_to_107_bytes(void **state)
{
    (void)state;
    char url[200] = "url=http+unix:///";

    memset(url + strlen(url), 'a', 106);
    strcpy(url + strlen(url), ":/introspect");
    module->close(OPEN(url));
    strcpy(strchr(url, '\0') - strlen(":/introspect"), "a:/introspect");
    assert_true(REFUSED(url));
    assert_non_null(strstr(problem, "107 bytes"));
}

static void plain_http_is_for_loopback_only(void **state)
{
    (void)state;
    static const char *const remote[] = {
        "url=http://192.0.2.1/",         "url=http://127.0.0.1.example/",
        "url=http://localhost.example/", "url=http://[2001:db8::1]/",
        "url=HTTP://example.org/",       "url=http://0.0.0.0/",
    };
    static const char *const loopback[] = {
        "url=http://127.0.0.1:8080/introspect",
        "url=http://[::1]/",
        "url=http://localhost/x?y=z",
    };

    for (size_t i = 0; i < sizeof(remote) / sizeof(remote[0]); i++) {
        assert_true(REFUSED(remote[i]));
        assert_non_null(strstr(problem, "insecure_http=yes"));
        assert_true(REFUSED(remote[i], "insecure_http=no"));
        module->close(OPEN(remote[i], "insecure_http=yes"));
    }
    for (size_t i = 0; i < sizeof(loopback) / sizeof(loopback[0]); i++)
        module->close(OPEN(loopback[i]));
}

static const struct {
    const char *content;
    mode_t mode;
    const char *word;
} unusable_secrets[] = {
    { "secret\n", 0604, "open to others" },
    { "secret\n", 0602, "open to others" },
    { "", 0600, "empty" },
    { "\n", 0600, "empty" },
    { "one\ntwo\n", 0600, "one line" },
    { "sm\xc3\xb6rg\n", 0600, "one line" },
};

static void a_secret_is_one_line_in_a_private_regular_file(void **state)
{
    (void)state;
    char longest[4100];

    for (size_t i = 0; i < sizeof(unusable_secrets) / sizeof(unusable_secrets[0]); i++) {
        assert_true(REFUSED("url=https://a/",
                            file_at("bearer_file", put_file("secret", unusable_secrets[i].content,
                                                            unusable_secrets[i].mode))));
        assert_non_null(strstr(problem, unusable_secrets[i].word));
        assert_null(strstr(problem, "two"));
    }
    memset(longest, 'x', sizeof(longest));
    longest[4097] = '\0';
    assert_true(REFUSED("url=https://a/",
                        file_at("bearer_file", put_file("secret", longest, 0600))));
    assert_non_null(strstr(problem, "longer than 4096"));
    longest[4096] = '\0';
    module->close(OPEN("url=https://a/",
                       file_at("bearer_file", put_file("secret", longest, 0640))));
    unlink(path_of("secret"));
    assert_int_equal(mkfifo(path_of("secret"), 0600), 0);
    assert_true(REFUSED("url=https://a/", file_at("bearer_file", path_of("secret"))));
    assert_non_null(strstr(problem, "not a regular file"));
    unlink(path_of("secret"));
    put_file("secret", "with space\n", 0600);
    assert_true(REFUSED("url=https://a/", file_at("bearer_file", path_of("secret"))));
    module->close(OPEN("url=https://a/", "client_id=a b",
                       file_at("secret_file", path_of("secret"))));
}

static void the_network_must_be_allowed_for_a_url_beyond_this_process(void **state)
{
    (void)state;
    assert_true(REFUSED(at("http"), "network=no"));
    assert_non_null(strstr(problem, "set [daemon] network = yes"));
    assert_true(REFUSED("url=https://idp.example/x", "network=no"));
    module->close(OPEN(at("unix"), "network=no"));
    module->close(OPEN(at("http"), "network=yes"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_network_must_be_allowed_for_a_url_beyond_this_process, reset),
        cmocka_unit_test_setup(wrong_arguments_are_refused, reset),
        cmocka_unit_test_setup(socket_paths_are_limited_to_107_bytes, reset),
        cmocka_unit_test_setup(plain_http_is_for_loopback_only, reset),
        cmocka_unit_test_setup(a_secret_is_one_line_in_a_private_regular_file, reset),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
