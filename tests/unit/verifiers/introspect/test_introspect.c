/* SPDX-License-Identifier: Apache-2.0 */
/* introspect.so: evaluate introspection responses. */
#include "tests/unit/support/introspect_fixture.h"

static void an_active_token_passes_with_its_identity(void **state)
{
    (void)state;
    void *in = OPEN(at("http"));

    command(
        "say 200 application/json {\"active\":true,\"jti\":\"t-1\",\"sub\":\"ann\",\"iss\":"
        "\"https://idp.example\",\"scope\":\"repo:write  read read \",\"exp\":%lld,\"nbf\":%lld,"
        "\"client_id\":\"c\",\"extra\":{\"a\":[1,2]}}",
        (long long)NOW + 60, (long long)NOW);
    assert_passes(in, "good");
    assert_int_equal(answer.has_identity, 1);
    assert_string_equal(answer.identity.id, "t-1");
    assert_string_equal(answer.identity.subject, "ann");
    assert_string_equal(answer.identity.issuer, "https://idp.example");
    assert_string_equal(answer.identity.scopes, "repo:write,read");
    assert_int_equal(answer.identity.expires, NOW + 60);
    command(ACTIVE);
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
    command("say 200 application/json {\"active\":false,\"exp\":\"odd\",\"sub\":7}");
    assert_fails(in, "another", JETON_REASON_UNKNOWN);
    module->close(in);
}

static void a_response_without_a_boolean_active_is_an_error(void **state)
{
    (void)state;
    void *in = OPEN(at("http"));
    static const char *const bodies[] = {
        "{}",
        "{\"active\":\"true\"}",
        "{\"active\":1}",
        "{\"active\":null}",
        "{\"active\":[true]}",
        "{\"Active\":true}",
        "[true]",
        "true",
        "\"active\"",
        "null",
        "",
        "{\"active\":true",
        "{\"active\":true}}",
        "{\"active\":true} x",
        "{'active':true}",
        "{\"active\":True}",
        "{\"active\":false,\"active\":true}",
        "{\"active\":true,\"active\":true}",
        "{\"active\":true,\"sub\":\"a\",\"sub\":\"b\"}",
        "active=true",
        "\xef\xbb\xbf{\"active\":true}",
    };

    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        command("say 200 application/json %s", bodies[i]);
        assert_errs(in, "odd", "the server's answer cannot be used");
    }
    module->close(in);
}

static const char *const wrong_members[] = {
    "\"exp\":\"1900000000\"",
    "\"exp\":1900000000.5",
    "\"exp\":-1",
    "\"exp\":253402300800",
    "\"exp\":9223372036854775807",
    "\"exp\":null",
    "\"exp\":true",
    "\"exp\":[1900000000]",
    "\"nbf\":\"0\"",
    "\"nbf\":-5",
    "\"nbf\":1e3",
    "\"scope\":[\"a\"]",
    "\"scope\":null",
    "\"sub\":1",
    "\"sub\":null",
    "\"sub\":\"a\\u0007\"",
    "\"sub\":\"a\\u0085\"",
    "\"sub\":\"a\\u007f\"",
    "\"iss\":{}",
    "\"iss\":\"a\\nb\"",
    "\"aud\":{\"me\":1}",
    "\"aud\":[\"me\",1]",
    "\"aud\":null",
};

static const char *const invalid_json[] = {
    "\"exp\":92233720368547758079999",
    "\"sub\":\"a\\u0000b\"",
    "\"sub\":\"\\ud800\"",
    "\"sub\":\"\xff\"",
    "\"exp\":01",
    "\"exp\":1e999",
};

static void a_member_of_a_wrong_type_is_an_error(void **state)
{
    (void)state;
    void *in = OPEN(at("http"), "audience=me");
    for (size_t i = 0; i < sizeof(wrong_members) / sizeof(wrong_members[0]); i++) {
        command("say 200 application/json {\"active\":true,%s}", wrong_members[i]);
        assert_errs(in, "odd", "the server's answer cannot be used: ");
        assert_null(strstr(answer.message, "not JSON"));
    }
    for (size_t i = 0; i < sizeof(invalid_json) / sizeof(invalid_json[0]); i++) {
        command("say 200 application/json {\"active\":true,%s}", invalid_json[i]);
        assert_errs(in, "odd", "not JSON");
    }
    module->close(in);
}

static void texts_and_scopes_are_limited(void **state)
{
    (void)state;
    void *in = OPEN(at("http"));
    char text[300], scopes[400] = "";

    memset(text, 'x', sizeof(text));
    text[257] = '\0';
    command("say 200 application/json {\"active\":true,\"sub\":\"%s\"}", text);
    assert_errs(in, "a", "the subject");
    command("say 200 application/json {\"active\":true,\"iss\":\"%s\"}", text);
    assert_errs(in, "a", "iss");
    text[256] = '\0';
    command("say 200 application/json {\"active\":true,\"iss\":\"%s\",\"sub\":\"%s\"}", text, text);
    assert_passes(in, "a");
    assert_string_equal(answer.identity.subject, text);
    for (int i = 0; i < 33; i++)
        snprintf(strchr(scopes, '\0'), 20, "%ss%d", i > 0 ? " " : "", i);
    command("say 200 application/json {\"active\":true,\"scope\":\"%s\"}", scopes);
    assert_errs(in, "b", "more than 32");
    *strrchr(scopes, ' ') = '\0';
    command("say 200 application/json {\"active\":true,\"scope\":\"%s s0 s1 s2\"}", scopes);
    assert_passes(in, "b");
    text[64] = '\0';
    command("say 200 application/json {\"active\":true,\"jti\":\"%s\"}", text);
    assert_passes(in, "c");
    assert_memory_equal(answer.identity.id, "blake2b:", 8);
    text[63] = '\0';
    command("say 200 application/json {\"active\":true,\"jti\":\"%s\"}", text);
    assert_passes(in, "d");
    assert_string_equal(answer.identity.id, text);
    module->close(in);
}

static void invalid_scope_words_are_left_out(void **state)
{
    (void)state;
    void *in = OPEN(at("http"));

    /* These scopes are neither kept nor split at a comma into scopes that were not granted. */
    command(
        "say 200 application/json {\"active\":true,\"scope\":\"a admin,root https://x/y?z b\\tc "
        "\xc3\xa9 x/%064d -\"}",
        1);
    assert_passes(in, "odd");
    assert_string_equal(answer.identity.scopes, "a,-");
    module->close(in);
}

static void exp_and_nbf_are_checked_even_if_active(void **state)
{
    (void)state;
    void *in = OPEN(at("http"), "negative_cache=0s");

    command("say 200 application/json {\"active\":true,\"exp\":%lld}", (long long)NOW);
    assert_fails(in, "a", JETON_REASON_EXPIRED);
    command("say 200 application/json {\"active\":true,\"nbf\":%lld}", (long long)NOW + 90);
    assert_fails(in, "b", JETON_REASON_PENDING);
    assert_int_equal(answer.retry_after, 90);
    command("say 200 application/json {\"active\":true,\"nbf\":253402300799}");
    assert_fails(in, "b", JETON_REASON_PENDING);
    assert_int_equal(answer.retry_after, 365 * 86400);
    command("say 200 application/json {\"active\":true,\"nbf\":%lld,\"exp\":%lld}",
            (long long)NOW + 90, (long long)NOW - 90);
    assert_fails(in, "c", JETON_REASON_EXPIRED);
    module->close(in);
}

/* Some servers mean "never" by it; RFC 7662 defines it as a time in 1970. */
static void exp_0_is_expired(void **state)
{
    (void)state;
    void *in = OPEN(at("http"), "negative_cache=0s");

    command("say 200 application/json {\"active\":true,\"exp\":0}");
    assert_fails(in, "a", JETON_REASON_EXPIRED);
    module->close(in);
}

static void issuer_and_audience_are_checked(void **state)
{
    (void)state;
    void *in = OPEN(at("http"), "issuer=https://idp", "audience=me", "audience=us",
                    "negative_cache=0s");
    static const struct {
        const char *members;
        int outcome;
    } cases[] = {
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
        command("say 200 application/json {\"active\":true,%s}", cases[i].members);
        assert_int_equal(ask(in, value), cases[i].outcome);
        if (cases[i].outcome == JETON_VERIFIER_FAIL)
            assert_int_equal(answer.reason, JETON_REASON_DENIED);
    }
    module->close(in);
}

static void subject_claim_names_the_subject(void **state)
{
    (void)state;
    void *in = OPEN(at("http"), "subject_claim=username");

    command("say 200 application/json {\"active\":true,\"sub\":\"4711\",\"username\":\"ann\"}");
    assert_passes(in, "a");
    assert_string_equal(answer.identity.subject, "ann");
    command("say 200 application/json {\"active\":true,\"sub\":\"4711\"}");
    assert_passes(in, "b");
    assert_string_equal(answer.identity.subject, "");
    module->close(in);
}

static void a_jti_that_discloses_the_value_becomes_a_digest(void **state)
{
    (void)state;
    void *in = OPEN(at("http"));

    command("say 200 application/json {\"active\":true,\"jti\":\"opaque-token\"}");
    assert_passes(in, "opaque-token");
    assert_memory_equal(answer.identity.id, "blake2b:", 8);
    assert_int_equal(strlen(answer.identity.id), 8 + 48);
    command("say 200 application/json {\"active\":true,\"jti\":\"0123456789abcdef\"}");
    assert_passes(in, "x0123456789abcdefx");
    assert_memory_equal(answer.identity.id, "blake2b:", 8);
    command("say 200 application/json {\"active\":true,\"jti\":\"17\"}");
    assert_passes(in, "token-17");
    assert_string_equal(answer.identity.id, "17");
    module->close(in);
}

static void an_earlier_identity_is_narrowed(void **state)
{
    (void)state;
    void *in = OPEN(at("http"));
    struct jeton_identity identity = { .expires = NOW + 100,
                                       .id = "earlier",
                                       .subject = "ann",
                                       .issuer = "local",
                                       .scopes = "a,b,c" };

    earlier = &identity;
    command(
        "say 200 application/json {\"active\":true,\"jti\":\"j\",\"sub\":\"ann\",\"scope\":\"c x a\","
        "\"exp\":%lld}",
        (long long)NOW + 50);
    assert_passes(in, "a");
    assert_string_equal(answer.identity.id, "earlier");
    assert_string_equal(answer.identity.issuer, "local");
    assert_string_equal(answer.identity.scopes, "a,c");
    assert_int_equal(answer.identity.expires, NOW + 50);
    command("say 200 application/json {\"active\":true,\"jti\":\"j\",\"iss\":\"local\"}");
    assert_passes(in, "same-issuer");
    assert_string_equal(answer.identity.id, "j"); /* it names the token, too */
    command("say 200 application/json {\"active\":true,\"exp\":%lld}", (long long)NOW + 500);
    assert_passes(in, "b");
    assert_string_equal(answer.identity.subject, "ann");
    assert_string_equal(answer.identity.scopes, "");
    assert_int_equal(answer.identity.expires, NOW + 100);
    command("say 200 application/json {\"active\":true,\"sub\":\"eve\"}");
    assert_fails(in, "c", JETON_REASON_SUBJECT);
    module->close(in);
}

static void *ask_nested(void *in)
{
    return (void *)(uintptr_t)(ask(in, "value") != JETON_VERIFIER_ERROR);
}

/* The depth that jansson itself accepts, 2048, needs more than a small stack has. */
static void deep_nesting_does_not_overflow_the_stack(void **state)
{
    (void)state;
    void *in = OPEN(at("http")), *wrong;
    static const int depths[] = { 17, 2040, 32768 };
    static char deep[32769], closed[32769];
    pthread_attr_t small;
    pthread_t thread;

    for (size_t i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
        memset(deep, '[', (size_t)depths[i]);
        memset(closed, ']', (size_t)depths[i]);
        deep[depths[i]] = closed[i < 2 ? depths[i] : 0] = '\0';
        command("say 200 application/json {\"active\":true,\"x\":%s%s}", deep, closed);
        pthread_attr_init(&small);
        pthread_attr_setstacksize(&small, (JETON_SANITIZED ? 4096 : 128) * 1024);
        assert_int_equal(pthread_create(&thread, &small, ask_nested, in), 0);
        pthread_join(thread, &wrong);
        assert_null(wrong);
        pthread_attr_destroy(&small);
    }
    module->close(in);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_active_token_passes_with_its_identity, reset),
        cmocka_unit_test_setup(an_inactive_token_is_unknown, reset),
        cmocka_unit_test_setup(a_response_without_a_boolean_active_is_an_error, reset),
        cmocka_unit_test_setup(a_member_of_a_wrong_type_is_an_error, reset),
        cmocka_unit_test_setup(texts_and_scopes_are_limited, reset),
        cmocka_unit_test_setup(invalid_scope_words_are_left_out, reset),
        cmocka_unit_test_setup(exp_and_nbf_are_checked_even_if_active, reset),
        cmocka_unit_test_setup(exp_0_is_expired, reset),
        cmocka_unit_test_setup(issuer_and_audience_are_checked, reset),
        cmocka_unit_test_setup(subject_claim_names_the_subject, reset),
        cmocka_unit_test_setup(a_jti_that_discloses_the_value_becomes_a_digest, reset),
        cmocka_unit_test_setup(an_earlier_identity_is_narrowed, reset),
        cmocka_unit_test_setup(deep_nesting_does_not_overflow_the_stack, reset),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
