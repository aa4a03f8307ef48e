/* SPDX-License-Identifier: Apache-2.0 */
/* introspect.so: its arguments, and what it makes of answers. */
#include "introspect.h"

/* -- arguments --------------------------------------------------------------------------------- */

static void every_mistake_in_the_arguments_is_told(void **state)
{
    (void)state;
    static const struct { const char *argument[5], *word; } cases[] = {
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
        { { "url=https://me:secret@a/" }, "client_secret_file=" },
        { { "url=http+unix://relative:/introspect" }, "http+unix:///SOCKET:/PATH" },
        { { "url=http+unix:///run/oauth.sock" }, "http+unix:///SOCKET:/PATH" },
        { { "url=http+unix:///run/oauth.sock:introspect" }, "http+unix:///SOCKET:/PATH" },
        { { "url=https://a/", "client_id=me", "client_secret_file=/x", "bearer_file=/x" },
          "exclude each other" },
        { { "url=https://a/", "client_id=me", "client_secret_file=/nowhere" },
          "client_secret_file=: /nowhere: No such file" },
        { { "url=https://a/", "client_id=me" }, "belong together" },
        { { "url=https://a/", "client_secret_file=/x" }, "belong together" },
        { { "url=https://a/", "client_id=me", "client_secret_file=/x", "bearer_file=/x" },
          "exclude each other" },
        { { "url=https://a/", "client_id=me", "client_secret_file=/nowhere" },
          "client_secret_file=: /nowhere: No such file" },
        { { "url=https://a/", "client_id=m\xc3\xa9", "client_secret_file=/x" }, "printable ASCII" },
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

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_null(open_with(cases[i].argument));
        if (strstr(problem, cases[i].word) == NULL)
            fail_msg("wanted \"%s\", got: %s", cases[i].word, problem);
    }
}

static void the_path_of_a_socket_has_the_length_that_the_kernel_takes(void **state)
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

static void tokens_go_in_clear_to_loopback_only(void **state)
{
    (void)state;
    static const char *const far[] = {
        "url=http://192.0.2.1/", "url=http://127.0.0.1.example/", "url=http://localhost.example/",
        "url=http://[2001:db8::1]/", "url=HTTP://example.org/", "url=http://0.0.0.0/",
    };
    static const char *const near[] = {
        "url=http://127.0.0.1:8080/introspect", "url=http://[::1]/", "url=http://localhost/x?y=z",
    };

    for (size_t i = 0; i < sizeof(far) / sizeof(far[0]); i++) {
        assert_true(REFUSED(far[i]));
        assert_non_null(strstr(problem, "insecure_http=yes"));
        assert_true(REFUSED(far[i], "insecure_http=no"));
        module->close(OPEN(far[i], "insecure_http=yes"));
    }
    for (size_t i = 0; i < sizeof(near) / sizeof(near[0]); i++)
        module->close(OPEN(near[i]));
}

static void a_secret_is_one_line_in_a_private_regular_file(void **state)
{
    (void)state;
    static const struct { const char *content; mode_t mode; const char *word; } cases[] = {
        { "secret\n", 0604, "open to others" },
        { "secret\n", 0602, "open to others" },
        { "", 0600, "empty" },
        { "\n", 0600, "empty" },
        { "one\ntwo\n", 0600, "one line" },
        { "sm\xc3\xb6rg\n", 0600, "one line" },
    };
    char longest[4100];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_true(REFUSED("url=https://a/", file_at("bearer_file", put_file("secret",
                            cases[i].content, cases[i].mode))));
        assert_non_null(strstr(problem, cases[i].word));
        assert_null(strstr(problem, "two"));
    }
    memset(longest, 'x', sizeof(longest));
    longest[4097] = '\0';
    assert_true(REFUSED("url=https://a/", file_at("bearer_file", put_file("secret", longest,
                                                                          0600))));
    assert_non_null(strstr(problem, "longer than 4096"));
    longest[4096] = '\0';
    module->close(OPEN("url=https://a/", file_at("bearer_file", put_file("secret", longest,
                                                                         0640))));
    unlink(path_of("secret"));
    assert_int_equal(mkfifo(path_of("secret"), 0600), 0);
    assert_true(REFUSED("url=https://a/", file_at("bearer_file", path_of("secret"))));
    assert_non_null(strstr(problem, "not a regular file"));
    unlink(path_of("secret"));
    put_file("secret", "with space\n", 0600);
    assert_true(REFUSED("url=https://a/", file_at("bearer_file", path_of("secret"))));
    module->close(OPEN("url=https://a/", "client_id=a b", file_at("client_secret_file",
                                                                  path_of("secret"))));
}

/* -- answers ----------------------------------------------------------------------------------- */

static void what_could_be_no_token_is_ignored_and_not_sent(void **state)
{
    (void)state;
    void *in = OPEN(at("http"));
    static char longest[4098];

    tell(ACTIVE);
    memset(longest, 'x', sizeof(longest));
    assert_int_equal(ask_into(in, "", 0, &answer), JETON_VERIFIER_IGNORE);
    assert_int_equal(ask_into(in, longest, 4097, &answer), JETON_VERIFIER_IGNORE);
    assert_int_equal(ask_into(in, "a\0b", 3, &answer), JETON_VERIFIER_IGNORE);
    assert_int_equal(ask(in, "caf\xc3\xa9"), JETON_VERIFIER_IGNORE);
    assert_int_equal(ask(in, "a\tb"), JETON_VERIFIER_IGNORE);
    assert_int_equal(ask(in, "a\x7f"), JETON_VERIFIER_IGNORE);
    assert_int_equal(seen("requests"), 0);
    assert_int_equal(ask_into(in, longest, 4096, &answer), JETON_VERIFIER_PASS);
    assert_int_equal(strlen(tell("last token")), 4096);
    module->close(in);
}

static void an_active_token_passes_with_its_identity(void **state)
{
    (void)state;
    void *in = OPEN(at("http"));

    tell("say 200 application/json {\"active\":true,\"jti\":\"t-1\",\"sub\":\"ann\",\"iss\":"
         "\"https://idp.example\",\"scope\":\"repo:write  read read \",\"exp\":%lld,\"nbf\":%lld,"
         "\"client_id\":\"c\",\"extra\":{\"a\":[1,2]}}", (long long)NOW + 60, (long long)NOW);
    assert_passes(in, "good");
    assert_int_equal(answer.has_identity, 1);
    assert_string_equal(answer.identity.id, "t-1");
    assert_string_equal(answer.identity.subject, "ann");
    assert_string_equal(answer.identity.issuer, "https://idp.example");
    assert_string_equal(answer.identity.scopes, "repo:write,read");
    assert_int_equal(answer.identity.expires, NOW + 60);
    tell(ACTIVE);
    assert_passes(in, "bare");
    assert_int_equal(answer.has_identity, 1);
    assert_string_equal(answer.identity.id, "");
    assert_string_equal(answer.identity.subject, "");
    assert_string_equal(answer.identity.issuer, "");
    assert_string_equal(answer.identity.scopes, "");
    assert_true(answer.identity.expires == JETON_VERIFIER_NEVER);
    module->close(in);
}

static void an_inactive_token_is_unknown(void **state)
{
    (void)state;
    void *in = OPEN(at("http"));

    assert_fails(in, "nobody's", JETON_REASON_UNKNOWN);
    tell("say 200 application/json {\"active\":false,\"exp\":\"odd\",\"sub\":7}");
    assert_fails(in, "another", JETON_REASON_UNKNOWN);
    module->close(in);
}

static void answer_without_boolean_active_is_an_error(void **state)
{
    (void)state;
    void *in = OPEN(at("http"));
    static const char *const bodies[] = {
        "{}", "{\"active\":\"true\"}", "{\"active\":1}", "{\"active\":null}", "{\"active\":[true]}",
        "{\"Active\":true}", "[true]", "true", "\"active\"", "null", "", "{\"active\":true",
        "{\"active\":true}}", "{\"active\":true} x", "{'active':true}", "{\"active\":True}",
        "{\"active\":false,\"active\":true}", "{\"active\":true,\"active\":true}",
        "{\"active\":true,\"sub\":\"a\",\"sub\":\"b\"}", "active=true", "\xef\xbb\xbf{\"active\":true}",
    };

    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        tell("say 200 application/json %s", bodies[i]);
        assert_errs(in, "odd", "the server's answer cannot be used");
    }
    module->close(in);
}

static void a_member_that_is_not_what_it_must_be_is_an_error(void **state)
{
    (void)state;
    void *in = OPEN(at("http"), "audience=me");
    static const char *const members[] = {
        "\"exp\":\"1900000000\"", "\"exp\":1900000000.5", "\"exp\":-1", "\"exp\":253402300800",
        "\"exp\":9223372036854775807", "\"exp\":null", "\"exp\":true", "\"exp\":[1900000000]",
        "\"nbf\":\"0\"", "\"nbf\":-5", "\"nbf\":1e3", "\"scope\":[\"a\"]", "\"scope\":null", "\"sub\":1",
        "\"sub\":null", "\"sub\":\"a\\u0007\"", "\"sub\":\"a\\u0085\"", "\"sub\":\"a\\u007f\"",
        "\"iss\":{}", "\"iss\":\"a\\nb\"", "\"aud\":{\"me\":1}", "\"aud\":[\"me\",1]", "\"aud\":null",
    };
    static const char *const unreadable[] = {
        "\"exp\":92233720368547758079999", "\"sub\":\"a\\u0000b\"", "\"sub\":\"\\ud800\"",
        "\"sub\":\"\xff\"", "\"exp\":01", "\"exp\":1e999",
    };

    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        tell("say 200 application/json {\"active\":true,%s}", members[i]);
        assert_errs(in, "odd", "the server's answer cannot be used: ");
        assert_null(strstr(answer.message, "not JSON"));
    }
    for (size_t i = 0; i < sizeof(unreadable) / sizeof(unreadable[0]); i++) {
        tell("say 200 application/json {\"active\":true,%s}", unreadable[i]);
        assert_errs(in, "odd", "not JSON");
    }
    module->close(in);
}

static void texts_and_scopes_have_the_lengths_of_jeton(void **state)
{
    (void)state;
    void *in = OPEN(at("http"));
    char text[300], scopes[400] = "";

    memset(text, 'x', sizeof(text));
    text[257] = '\0';
    tell("say 200 application/json {\"active\":true,\"sub\":\"%s\"}", text);
    assert_errs(in, "a", "the subject");
    tell("say 200 application/json {\"active\":true,\"iss\":\"%s\"}", text);
    assert_errs(in, "a", "iss");
    text[256] = '\0';
    tell("say 200 application/json {\"active\":true,\"iss\":\"%s\",\"sub\":\"%s\"}", text, text);
    assert_passes(in, "a");
    assert_string_equal(answer.identity.subject, text);
    for (int i = 0; i < 33; i++)
        snprintf(strchr(scopes, '\0'), 20, "%ss%d", i > 0 ? " " : "", i);
    tell("say 200 application/json {\"active\":true,\"scope\":\"%s\"}", scopes);
    assert_errs(in, "b", "more than 32");
    *strrchr(scopes, ' ') = '\0';
    tell("say 200 application/json {\"active\":true,\"scope\":\"%s s0 s1 s2\"}", scopes);
    assert_passes(in, "b");
    text[64] = '\0';
    tell("say 200 application/json {\"active\":true,\"jti\":\"%s\"}", text);
    assert_passes(in, "c");
    assert_string_equal(answer.identity.id, "");
    text[63] = '\0';
    tell("say 200 application/json {\"active\":true,\"jti\":\"%s\"}", text);
    assert_passes(in, "d");
    assert_string_equal(answer.identity.id, text);
    module->close(in);
}

static void scopes_that_jeton_has_no_word_for_are_left_out(void **state)
{
    (void)state;
    void *in = OPEN(at("http"));

    /* Neither as they are, nor split at a comma into words that nobody was given. */
    tell("say 200 application/json {\"active\":true,\"scope\":\"a admin,root https://x/y?z b\\tc "
         "\xc3\xa9 x/%064d -\"}", 1);
    assert_passes(in, "odd");
    assert_string_equal(answer.identity.scopes, "a,-");
    module->close(in);
}

static void active_does_not_make_up_for_exp_and_nbf(void **state)
{
    (void)state;
    void *in = OPEN(at("http"), "negative_cache=0s");

    tell("say 200 application/json {\"active\":true,\"exp\":%lld}", (long long)NOW);
    assert_fails(in, "a", JETON_REASON_EXPIRED);
    tell("say 200 application/json {\"active\":true,\"exp\":0}");
    assert_fails(in, "a", JETON_REASON_EXPIRED);
    tell("say 200 application/json {\"active\":true,\"nbf\":%lld}", (long long)NOW + 90);
    assert_fails(in, "b", JETON_REASON_PENDING);
    assert_int_equal(answer.retry_after, 90);
    tell("say 200 application/json {\"active\":true,\"nbf\":253402300799}");
    assert_fails(in, "b", JETON_REASON_PENDING);
    assert_int_equal(answer.retry_after, 365 * 86400);
    tell("say 200 application/json {\"active\":true,\"nbf\":%lld,\"exp\":%lld}", (long long)NOW + 90,
         (long long)NOW - 90);
    assert_fails(in, "c", JETON_REASON_EXPIRED);
    module->close(in);
}

static void issuer_and_audience_must_be_those_configured(void **state)
{
    (void)state;
    void *in = OPEN(at("http"), "issuer=https://idp", "audience=me", "audience=us",
                    "negative_cache=0s");
    static const struct { const char *members; int outcome; } cases[] = {
        { "\"iss\":\"https://idp\",\"aud\":\"me\"", JETON_VERIFIER_PASS },
        { "\"iss\":\"https://idp\",\"aud\":[\"x\",\"us\"]", JETON_VERIFIER_PASS },
        { "\"iss\":\"https://idp/\",\"aud\":\"me\"", JETON_VERIFIER_FAIL },
        { "\"aud\":\"me\"", JETON_VERIFIER_FAIL },
        { "\"iss\":\"https://idp\"", JETON_VERIFIER_FAIL },
        { "\"iss\":\"https://idp\",\"aud\":[]", JETON_VERIFIER_FAIL },
        { "\"iss\":\"https://idp\",\"aud\":\"me us\"", JETON_VERIFIER_FAIL },
        { "\"iss\":\"https://idp\",\"aud\":[\"ME\"]", JETON_VERIFIER_FAIL },
    };
    char value[] = "0";

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++, value[0]++) {
        tell("say 200 application/json {\"active\":true,%s}", cases[i].members);
        assert_int_equal(ask(in, value), cases[i].outcome);
        if (cases[i].outcome == JETON_VERIFIER_FAIL)
            assert_int_equal(answer.reason, JETON_REASON_DENIED);
    }
    module->close(in);
}

static void the_subject_is_the_member_that_was_named(void **state)
{
    (void)state;
    void *in = OPEN(at("http"), "subject_claim=username");

    tell("say 200 application/json {\"active\":true,\"sub\":\"4711\",\"username\":\"ann\"}");
    assert_passes(in, "a");
    assert_string_equal(answer.identity.subject, "ann");
    tell("say 200 application/json {\"active\":true,\"sub\":\"4711\"}");
    assert_passes(in, "b");
    assert_string_equal(answer.identity.subject, "");
    module->close(in);
}

static void the_value_does_not_become_the_name_for_logs(void **state)
{
    (void)state;
    void *in = OPEN(at("http"));

    tell("say 200 application/json {\"active\":true,\"jti\":\"opaque-token\"}");
    assert_passes(in, "opaque-token");
    assert_string_equal(answer.identity.id, "");
    tell("say 200 application/json {\"active\":true,\"jti\":\"0123456789abcdef\"}");
    assert_passes(in, "x0123456789abcdefx");
    assert_string_equal(answer.identity.id, "");
    tell("say 200 application/json {\"active\":true,\"jti\":\"17\"}");
    assert_passes(in, "token-17");
    assert_string_equal(answer.identity.id, "17");
    module->close(in);
}

static void an_earlier_identity_is_narrowed_and_kept(void **state)
{
    (void)state;
    void *in = OPEN(at("http"));
    struct jeton_identity had = { .expires = NOW + 100, .id = "earlier", .subject = "ann",
                                  .issuer = "local", .scopes = "a,b,c" };

    earlier = &had;
    tell("say 200 application/json {\"active\":true,\"jti\":\"j\",\"sub\":\"ann\",\"scope\":\"c x a\","
         "\"exp\":%lld}", (long long)NOW + 50);
    assert_passes(in, "a");
    assert_string_equal(answer.identity.id, "earlier");
    assert_string_equal(answer.identity.issuer, "local");
    assert_string_equal(answer.identity.scopes, "a,c");
    assert_int_equal(answer.identity.expires, NOW + 50);
    tell("say 200 application/json {\"active\":true,\"exp\":%lld}", (long long)NOW + 500);
    assert_passes(in, "b");
    assert_string_equal(answer.identity.subject, "ann");
    assert_string_equal(answer.identity.scopes, "");
    assert_int_equal(answer.identity.expires, NOW + 100);
    tell("say 200 application/json {\"active\":true,\"sub\":\"eve\"}");
    assert_fails(in, "c", JETON_REASON_SUBJECT);
    module->close(in);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_mistake_in_the_arguments_is_told, fresh),
        cmocka_unit_test_setup(the_path_of_a_socket_has_the_length_that_the_kernel_takes, fresh),
        cmocka_unit_test_setup(tokens_go_in_clear_to_loopback_only, fresh),
        cmocka_unit_test_setup(a_secret_is_one_line_in_a_private_regular_file, fresh),
        cmocka_unit_test_setup(what_could_be_no_token_is_ignored_and_not_sent, fresh),
        cmocka_unit_test_setup(an_active_token_passes_with_its_identity, fresh),
        cmocka_unit_test_setup(an_inactive_token_is_unknown, fresh),
        cmocka_unit_test_setup(answer_without_boolean_active_is_an_error, fresh),
        cmocka_unit_test_setup(a_member_that_is_not_what_it_must_be_is_an_error, fresh),
        cmocka_unit_test_setup(texts_and_scopes_have_the_lengths_of_jeton, fresh),
        cmocka_unit_test_setup(scopes_that_jeton_has_no_word_for_are_left_out, fresh),
        cmocka_unit_test_setup(active_does_not_make_up_for_exp_and_nbf, fresh),
        cmocka_unit_test_setup(issuer_and_audience_must_be_those_configured, fresh),
        cmocka_unit_test_setup(the_subject_is_the_member_that_was_named, fresh),
        cmocka_unit_test_setup(the_value_does_not_become_the_name_for_logs, fresh),
        cmocka_unit_test_setup(an_earlier_identity_is_narrowed_and_kept, fresh),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
