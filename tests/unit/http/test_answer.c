/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "plugin/http/response.h"

static struct http_accept accept;
static struct jeton_claims claims;
static struct http_decision decision;
static struct http_answer answer;
static char response[16384];

/* Decide, and write the response as one string. */
static const char *decide(const char *accepted, enum http_credentials_status credentials,
                          enum jeton_status status)
{
    struct text t = text_in(response, sizeof(response) - 1);

    assert_null(http_accept_parse(slice_of(accepted), &accept));
    decision = (struct http_decision){ .credentials = credentials,
                                       .status = status,
                                       .claims = &claims,
                                       .accept = &accept,
                                       .realm = SLICE("api"),
                                       .scope = SLICE("read,write") };
    http_answer_decide(&answer, &decision);
    http_response_answer(&t, &answer, HTTP_KEEP);
    assert_false(t.cut);
    response[t.len] = '\0';
    return response;
}

static const char *judged(enum jeton_status status)
{
    return decide("bearer", HTTP_CREDENTIALS_TOKEN, status);
}

static int set_claims(void **state)
{
    (void)state;
    claims = (struct jeton_claims)JETON_CLAIMS_INIT;
    claims.expires = 1795067501;
    strcpy(claims.id, "7976c1770b139b2cf9d2");
    strcpy(claims.subject, "ci");
    strcpy(claims.scopes, "deploy,read");
    strcpy(claims.verifier, "local");
    return 0;
}

#define NOBODY                                                                       \
    "X-Jeton-Id: \r\nX-Jeton-Subject: \r\nX-Jeton-Scopes: \r\nX-Jeton-Expires: \r\n" \
    "X-Jeton-Verifier: \r\n"
#define CLOSED "Content-Length: 0\r\n\r\n"
#define STORED "Cache-Control: no-store\r\n"

static void a_good_token_is_described(void **state)
{
    (void)state;
    assert_string_equal(
        judged(JETON_OK),
        "HTTP/1.1 200 OK\r\n" STORED "X-Jeton-Id: 7976c1770b139b2cf9d2\r\n"
        "X-Jeton-Subject: ci\r\nX-Jeton-Scopes: deploy,read\r\n"
        "X-Jeton-Expires: 2026-11-19T05:51:41Z\r\nX-Jeton-Verifier: local\r\n" CLOSED);
    claims.expires = JETON_NEVER;
    claims.subject[0] = claims.scopes[0] = '\0';
    assert_string_equal(judged(JETON_OK),
                        "HTTP/1.1 200 OK\r\n" STORED "X-Jeton-Id: 7976c1770b139b2cf9d2\r\n"
                        "X-Jeton-Subject: \r\nX-Jeton-Scopes: \r\n"
                        "X-Jeton-Expires: never\r\nX-Jeton-Verifier: local\r\n" CLOSED);
}

static void claims_cannot_begin_another_field(void **state)
{
    (void)state;
    strcpy(claims.subject, " a b%20\r\nX-Jeton-Id: evil\t\x7f\xc3\xa4");
    assert_non_null(strstr(judged(JETON_OK),
                           "\r\nX-Jeton-Subject: %20a%20b%2520%0D%0AX-Jeton-Id:%20evil%09%7F%C3%A4"
                           "\r\nX-Jeton-Scopes: "));
}

static void claims_without_space_are_no_pass(void **state)
{
    (void)state;
    memset(claims.scopes, '\n', sizeof(claims.scopes) - 1);
    assert_string_equal(judged(JETON_OK), "HTTP/1.1 503 Service Unavailable\r\n" STORED NOBODY
                                          "Retry-After: 5\r\n" CLOSED);
}

static void missing_credentials_are_no_error(void **state)
{
    (void)state;
    assert_string_equal(decide("bearer", HTTP_CREDENTIALS_NONE, JETON_OK),
                        "HTTP/1.1 401 Unauthorized\r\n" STORED NOBODY
                        "WWW-Authenticate: Bearer realm=\"api\"\r\n" CLOSED);
    assert_string_equal(decide("header:K", HTTP_CREDENTIALS_NONE, JETON_OK),
                        "HTTP/1.1 401 Unauthorized\r\n" STORED NOBODY
                        "WWW-Authenticate: Bearer realm=\"api\"\r\n" CLOSED);
    assert_string_equal(decide("bearer,basic", HTTP_CREDENTIALS_NONE, JETON_OK),
                        "HTTP/1.1 401 Unauthorized\r\n" STORED NOBODY
                        "WWW-Authenticate: Bearer realm=\"api\"\r\n"
                        "WWW-Authenticate: Basic realm=\"api\", charset=\"UTF-8\"\r\n" CLOSED);
    assert_string_equal(decide("basic,bearer", HTTP_CREDENTIALS_NONE, JETON_OK),
                        "HTTP/1.1 401 Unauthorized\r\n" STORED NOBODY
                        "WWW-Authenticate: Basic realm=\"api\", charset=\"UTF-8\"\r\n"
                        "WWW-Authenticate: Bearer realm=\"api\"\r\n" CLOSED);
    assert_string_equal(decide("basic", HTTP_CREDENTIALS_NONE, JETON_OK),
                        "HTTP/1.1 401 Unauthorized\r\n" STORED NOBODY
                        "WWW-Authenticate: Basic realm=\"api\", charset=\"UTF-8\"\r\n" CLOSED);
}

static void refused_tokens_are_invalid(void **state)
{
    (void)state;
    static const enum jeton_status refusals[] = { JETON_MALFORMED, JETON_UNKNOWN,  JETON_IDENTIFIER,
                                                  JETON_EXPIRED,   JETON_DISABLED, JETON_REVOKED };

    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
        assert_string_equal(
            judged(refusals[i]),
            "HTTP/1.1 401 Unauthorized\r\n" STORED NOBODY
            "WWW-Authenticate: Bearer realm=\"api\", error=\"invalid_token\"\r\n" CLOSED);
    assert_non_null(strstr(decide("bearer", HTTP_CREDENTIALS_MALFORMED, JETON_OK),
                           "HTTP/1.1 401 Unauthorized\r\n" STORED NOBODY
                           "WWW-Authenticate: Bearer realm=\"api\", error=\"invalid_token\"\r\n"));
}

static void a_pending_token_comes_with_the_time_to_wait(void **state)
{
    (void)state;
    claims.retry_after = 240;
    assert_string_equal(judged(JETON_PENDING),
                        "HTTP/1.1 401 Unauthorized\r\n" STORED NOBODY
                        "WWW-Authenticate: Bearer realm=\"api\", error=\"invalid_token\"\r\n"
                        "Retry-After: 240\r\n" CLOSED);
    claims.retry_after = 0;
    assert_non_null(strstr(judged(JETON_PENDING), "\r\nRetry-After: 1\r\n"));
}

static void what_a_token_is_not_for_is_forbidden(void **state)
{
    (void)state;
    assert_string_equal(judged(JETON_SCOPE),
                        "HTTP/1.1 403 Forbidden\r\n" STORED NOBODY
                        "WWW-Authenticate: Bearer realm=\"api\", error=\"insufficient_scope\", "
                        "scope=\"read write\"\r\n" CLOSED);
    assert_string_equal(
        judged(JETON_SUBJECT),
        "HTTP/1.1 403 Forbidden\r\n" STORED NOBODY
        "WWW-Authenticate: Bearer realm=\"api\", error=\"insufficient_scope\"\r\n" CLOSED);
    claims.retry_after = 7;
    assert_string_equal(decide("basic", HTTP_CREDENTIALS_TOKEN, JETON_DENIED),
                        "HTTP/1.1 403 Forbidden\r\n" STORED NOBODY
                        "WWW-Authenticate: Bearer realm=\"api\", error=\"insufficient_scope\"\r\n"
                        "Retry-After: 7\r\n" CLOSED);
}

static void no_verdict_is_no_pass(void **state)
{
    (void)state;
    static const enum jeton_status none[] = { JETON_UNAVAILABLE, JETON_WAITING,
                                              (enum jeton_status)77 };

    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        assert_string_equal(judged(none[i]), "HTTP/1.1 503 Service Unavailable\r\n" STORED NOBODY
                                             "Retry-After: 5\r\n" CLOSED);
    assert_string_equal(judged(JETON_INVALID),
                        "HTTP/1.1 500 Internal Server Error\r\n" STORED NOBODY CLOSED);
}

static void no_other_status_than_those_is_ever_given(void **state)
{
    (void)state;
    for (int credentials = 0; credentials < 3; credentials++)
        for (int status = -1; status < 300; status++) {
            decide("bearer", (enum http_credentials_status)credentials, (enum jeton_status)status);
            bool pass = credentials == HTTP_CREDENTIALS_TOKEN && status == JETON_OK;
            assert_true((answer.status == 200) == pass);
            if (!pass)
                assert_true(answer.status == 401 || answer.status == 403 || answer.status == 500 ||
                            answer.status == 503);
        }
}

static void realms_are_checked(void **state)
{
    (void)state;
    static const struct slice bad[] = { SLICE(""), SLICE("a\"b"), SLICE("a\\b"), SLICE("a\nb"),
                                        SLICE("\xc3\xa4") };

    assert_null(http_realm_fault((struct slice)SLICE("the API of /v1, all of it")));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_non_null(http_realm_fault(bad[i]));
}

static void a_plain_response_has_its_length(void **state)
{
    (void)state;
    struct text t = text_in(response, sizeof(response) - 1);

    http_response_plain(&t, 200, NULL, (struct slice)SLICE("ok\n"), false, HTTP_CLOSE);
    response[t.len] = '\0';
    assert_string_equal(response,
                        "HTTP/1.1 200 OK\r\n" STORED "Content-Type: text/plain; charset=utf-8\r\n"
                        "Connection: close\r\nContent-Length: 3\r\n\r\nok\n");
    t = text_in(response, sizeof(response) - 1);
    http_response_plain(&t, 404, NULL, (struct slice)SLICE("no\n"), true, HTTP_KEEP_EXPLICIT);
    response[t.len] = '\0';
    assert_string_equal(response, "HTTP/1.1 404 Not Found\r\n" STORED
                                  "Content-Type: text/plain; charset=utf-8\r\n"
                                  "Connection: keep-alive\r\nContent-Length: 3\r\n\r\n");
}

static void a_field_is_for_the_client_or_for_the_application(void **state)
{
    static const enum jeton_status statuses[] = { JETON_OK, JETON_PENDING, JETON_SCOPE,
                                                  JETON_UNAVAILABLE };

    (void)state;
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        unsigned application = 0;
        decide("basic,bearer", HTTP_CREDENTIALS_TOKEN, statuses[i]);
        for (unsigned f = 0; f < answer.fields; f++) {
            bool identity = slice_begins(answer.field[f].name, "X-Jeton-");
            assert_int_equal(http_answer_is_for_client(answer.field[f].name), !identity);
            application += identity;
        }
        assert_int_equal(application, 5);
    }
}

#define TEST(name) cmocka_unit_test_setup(name, set_claims)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_field_is_for_the_client_or_for_the_application),
        TEST(a_good_token_is_described),
        TEST(claims_cannot_begin_another_field),
        TEST(claims_without_space_are_no_pass),
        TEST(missing_credentials_are_no_error),
        TEST(refused_tokens_are_invalid),
        TEST(a_pending_token_comes_with_the_time_to_wait),
        TEST(what_a_token_is_not_for_is_forbidden),
        TEST(no_verdict_is_no_pass),
        TEST(no_other_status_than_those_is_ever_given),
        TEST(realms_are_checked),
        TEST(a_plain_response_has_its_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
