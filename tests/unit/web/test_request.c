/* SPDX-License-Identifier: Apache-2.0 */
/* What requests are answered by their heads alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include <sodium.h>

#include "plugin/web/announce.h"
#include "plugin/web/request.h"

enum { PORT = 8123 };

#define HOST "Host: 127.0.0.1:8123\r\n"
#define OURS HOST "Origin: http://127.0.0.1:8123\r\n"
#define LENGTH "Content-Length: 5\r\n"
#define BEARER "Authorization: Bearer SECRET\r\n" /* is replaced by the real one */

static struct settings settings;
static struct request_rules rules;
static struct http_head head;
static char directory[] = "/tmp/jeton-page.XXXXXX";
static char bytes[HTTP_HEAD_MAX], secret[SECRET_TEXT + 1];

static void write_file(const char *name)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
}

static int begin(void **state)
{
    struct text t = text_in(secret, SECRET_TEXT);
    char fault[256];

    (void)state;
    assert_true(sodium_init() >= 0);
    assert_non_null(mkdtemp(directory));
    write_file("index.html");
    write_file("app.js");
    write_file("exchange");
    rules.page = page_load(directory, fault, sizeof(fault));
    rules.secret = secret_new();
    rules.origin = &settings.origin;
    origin_loopback(&settings.origin, "127.0.0.1", PORT);
    secret_put(rules.secret, &t);
    return rules.page != NULL && rules.secret != NULL && t.len == SECRET_TEXT ? 0 : -1;
}

static int finish(void **state)
{
    char command[64];

    (void)state;
    page_free((struct page *)rules.page);
    secret_free((struct secret *)rules.secret);
    snprintf(command, sizeof(command), "rm -r %s", directory);
    return system(command);
}

/* Parse and judge a request, given as its head without the empty line. */
static struct request_verdict verdict_of(const char *request)
{
    const char *at = strstr(request, "SECRET"), *why = "";
    size_t searched = 0;

    if (at == NULL)
        snprintf(bytes, sizeof(bytes), "%s\r\n", request);
    else
        snprintf(bytes, sizeof(bytes), "%.*s%s%s\r\n", (int)(at - request), request, secret,
                 at + 6);
    assert_int_equal(http_head_parse(bytes, strlen(bytes), &searched, &head, &why), HTTP_HEAD_OK);
    return request_judge(&rules, &head);
}

static unsigned judge(const char *request)
{
    return verdict_of(request).status;
}

#define GET(target) "GET " target " HTTP/1.1\r\n"
#define POST "POST /exchange HTTP/1.1\r\n"

static void page_is_for_everybody(void **state)
{
    (void)state;
    assert_int_equal(judge(GET("/") HOST), 200);
    assert_int_equal(judge(GET("/index.html") HOST), 200);
    assert_string_equal(verdict_of(GET("/app.js") HOST).file->type,
                        "text/javascript; charset=utf-8");
    assert_true(verdict_of("HEAD / HTTP/1.1\r\n" HOST).head_only);
    assert_int_equal(judge(GET("/none.js") HOST), 404);
    assert_int_equal(judge(GET("/?x") HOST), 404);
    assert_int_equal(judge(GET("//app.js") HOST), 404);
    assert_int_equal(judge(GET("/%61pp.js") HOST), 404);
    assert_int_equal(judge(GET("/../etc/passwd") HOST), 404);
    assert_int_equal(judge("GET / HTTP/1.0\r\n" HOST), 505);
    assert_int_equal(judge(GET("/") HOST LENGTH), 400);
    assert_int_equal(judge(GET("/") HOST "Content-Length: 0\r\n"), 200);
    assert_string_equal(verdict_of("POST / HTTP/1.1\r\n" OURS).allow, "GET, HEAD");
    assert_string_equal(verdict_of("OPTIONS /exchange HTTP/1.1\r\n" OURS).allow, "POST");
    assert_int_equal(judge(GET("/exchange") OURS BEARER), 405);
}

#define PROOF "POST /proof HTTP/1.1\r\n"
#define NONCE "Jeton-Nonce: 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\r\n"

static void server_proves_that_it_knows_the_secret(void **state)
{
    char first[SECRET_PROOF_TEXT + 1];
    struct request_verdict v = verdict_of(PROOF OURS NONCE "Content-Length: 0\r\n");

    (void)state;
    assert_int_equal(v.status, 200);
    assert_null(v.file);
    assert_int_equal(strlen(v.proof), SECRET_PROOF_TEXT);
    memcpy(first, v.proof, sizeof(first));
    assert_string_equal(verdict_of(PROOF OURS NONCE).proof, first);
    v = verdict_of(PROOF OURS
                   "Jeton-Nonce: "
                   "10112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\r\n");
    assert_int_equal(v.status, 200);
    assert_string_not_equal(v.proof, first);
    assert_string_equal(verdict_of(POST OURS BEARER LENGTH).proof, "");
    assert_string_equal(verdict_of(GET("/") HOST).proof, "");
    assert_int_equal(judge(PROOF OURS), 400);
    assert_int_equal(judge(PROOF OURS NONCE NONCE), 400);
    assert_int_equal(judge(PROOF OURS NONCE LENGTH), 400);
    assert_int_equal(judge(PROOF OURS NONCE "Transfer-Encoding: chunked\r\n"), 400);
    assert_int_equal(judge(PROOF OURS "Jeton-Nonce: 0011\r\n"), 400);
    assert_int_equal(judge(PROOF OURS
                           "Jeton-Nonce: "
                           "001122334455667788990011223344550011223344556677889900112233445G\r\n"),
                     400);
    assert_int_equal(judge(PROOF HOST NONCE), 403);
    assert_int_equal(judge(PROOF HOST "Origin: http://evil.example\r\n" NONCE), 403);
    assert_int_equal(judge(GET("/proof") OURS NONCE), 405);
}

static void exchange_needs_the_secret(void **state)
{
    struct request_verdict v = verdict_of(POST OURS BEARER LENGTH);

    (void)state;
    assert_int_equal(v.status, 200);
    assert_null(v.file);
    assert_int_equal(v.length, 5);
    assert_int_equal(v.idle, -1);
    assert_int_equal(verdict_of(POST OURS BEARER LENGTH "Jeton-Idle: 75\r\n").idle, 75);
    assert_int_equal(verdict_of(POST OURS BEARER LENGTH "Jeton-Idle: -3\r\n").idle, -1);
    v = verdict_of(POST OURS LENGTH);
    assert_true(v.status == 401 && !v.wrong_secret);
    v = verdict_of(POST OURS "Authorization: Basic U0VDUkVU\r\n" LENGTH);
    assert_true(v.status == 401 && !v.wrong_secret);
    static const char *const wrong[] = {
        POST OURS "Authorization: Bearer x\r\n" LENGTH,
        POST OURS "Authorization: Bearer\r\n" LENGTH,
        POST OURS "Authorization: Bearer SECRETx\r\n" LENGTH,
        POST OURS "Authorization: Bearer xSECRET\r\n" LENGTH,
        POST OURS "Authorization: Bearer SECRET,x\r\n" LENGTH,
        POST OURS BEARER "Authorization: Bearer x\r\n" LENGTH,
        POST OURS "Authorization: Bearer AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n" LENGTH,
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        v = verdict_of(wrong[i]);
        assert_true(v.status == 401 && v.wrong_secret);
    }
    assert_int_equal(judge(POST OURS "authorization: bearer SECRET\r\n" LENGTH), 200);
    assert_int_equal(judge(POST OURS "Cookie: SECRET\r\n" LENGTH), 401);
    assert_int_equal(judge("POST /exchange?SECRET HTTP/1.1\r\n" OURS LENGTH), 405);
}

static void body_is_framed_in_one_way(void **state)
{
    (void)state;
    assert_int_equal(judge(POST OURS BEARER), 411);
    assert_int_equal(judge(POST OURS BEARER "Content-Length: 0\r\n"), 400);
    assert_int_equal(judge(POST OURS BEARER "Content-Length: 65536\r\n"), 200);
    assert_int_equal(judge(POST OURS BEARER "Content-Length: 65537\r\n"), 413);
    assert_int_equal(judge(POST OURS BEARER "Content-Length: 9223372036854775807\r\n"), 413);
    assert_int_equal(judge(POST OURS BEARER "Transfer-Encoding: chunked\r\n"), 400);
    assert_int_equal(judge(POST OURS BEARER LENGTH "Expect: 100-continue\r\n"), 417);
    assert_int_equal(judge(POST OURS BEARER LENGTH "X: a\vb\r\n"), 400);
    assert_int_equal(judge("POST /exchange HTTP/1.0\r\n" OURS BEARER LENGTH), 505);
}

static const char *const foreign[] = {
    GET("/") "Host: evil.example\r\n",
    GET("/") "Host: 127.0.0.1\r\n",
    GET("/") "Host: 127.0.0.1:8124\r\n",
    GET("/") "Host: 127.0.0.1:8123.\r\n",
    GET("/") "Host: user@127.0.0.1:8123\r\n",
    GET("/") "Host: localhost:8123\r\n",
    POST "Host: localhost:8123\r\nOrigin: http://localhost:8123\r\n" BEARER LENGTH,
    GET("/") "Host: [::1]:8123\r\n",
    GET("/") "Host:\r\n",
    GET("/") HOST "Origin: http://evil.example\r\n",
    GET("/") HOST "Origin: null\r\n",
    GET("/app.js") HOST "Sec-Fetch-Site: cross-site\r\n",
    GET("/app.js") HOST "Sec-Fetch-Site: same-site\r\n",
    GET("/app.js") HOST
    "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n",
    GET("/") HOST
    "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image\r\n",
    GET("/") HOST
    "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n",
    POST HOST BEARER LENGTH,
    POST HOST "Origin:\r\n" BEARER LENGTH,
    POST HOST "Origin: null\r\n" BEARER LENGTH,
    POST HOST "Origin: http://localhost:8123\r\n" BEARER LENGTH,
    POST HOST "Origin: https://127.0.0.1:8123\r\n" BEARER LENGTH,
    POST HOST "Origin: http://127.0.0.1:8123/\r\n" BEARER LENGTH,
    POST OURS "Origin: http://127.0.0.1:8123\r\n" BEARER LENGTH,
    POST OURS "Sec-Fetch-Site: none\r\n" BEARER LENGTH,
    POST OURS "Sec-Fetch-Site: cross-site\r\n" BEARER LENGTH,
    POST OURS "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: navigate\r\n" BEARER LENGTH,
    POST OURS "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Site: same-origin\r\n" BEARER LENGTH,
};

static void only_our_own_origin_is_served(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
        assert_int_equal(judge(foreign[i]), 403);
    assert_int_equal(judge(POST OURS
                           "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: cors\r\n" BEARER LENGTH),
                     200);
    assert_int_equal(
        judge(
            GET("/") HOST
            "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n"),
        200);
    assert_int_equal(judge(GET("/") HOST "Sec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\n"),
                     200);
    assert_int_equal(judge(GET("/app.js") HOST "Sec-Fetch-Site: same-origin\r\n"), 200);
}

static void origins_are_taken_as_browsers_write_them(void **state)
{
    static const char *const good[] = { "http://127.0.0.1:8080", "https://tokens.example.org",
                                        "http://[::1]:9" };
    static const char *const bad[] = { "",           "http://",    "ftp://x",  "tokens.example.org",
                                       "http://x/",  "http://x y", "http://X", "http://u@x",
                                       "http://x?y", "http://x\"", "http://x<" };
    struct origin o;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_null(origin_parse(slice_of(good[i]), &o));
        assert_true(slice_is(origin_slice(&o), good[i]));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_non_null(origin_parse(slice_of(bad[i]), &o));
}

static void link_has_the_secret_behind_its_hash(void **state)
{
    struct settings other = { 0 };
    char link[ANNOUNCE_LINK_MAX], wanted[ANNOUNCE_LINK_MAX];
    struct text t = text_in(link, sizeof(link));

    (void)state;
    announce_put_link(&t, &settings, rules.secret);
    snprintf(wanted, sizeof(wanted), "http://127.0.0.1:8123/#%s", secret);
    assert_true(slice_is(text_slice(&t), wanted));
    assert_int_equal(strspn(secret,
                            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"),
                     SECRET_TEXT);
    origin_loopback(&other.origin, "[::1]", 80);
    t.len = 0;
    announce_put_link(&t, &other, rules.secret);
    snprintf(wanted, sizeof(wanted), "http://[::1]/#%s", secret);
    assert_true(slice_is(text_slice(&t), wanted));
}

static void watching_alone_needs_nobody(void **state)
{
    (void)state;
    assert_true(request_is_unattended(slice_of("watch after=x:1\n")));
    assert_true(request_is_unattended(slice_of("hello\nstats\nquit\n")));
    assert_true(request_is_unattended(slice_of("# a comment\n\nwatch")));
    assert_false(request_is_unattended(slice_of("list\nquit\n")));
    assert_false(request_is_unattended(slice_of("watch\ncreate")));
    assert_false(request_is_unattended(slice_of("watch\nwatchful\n")));
}

static void addresses_are_on_loopback(void **state)
{
    static const char *const bad[] = { "",
                                       "8080",
                                       "0.0.0.0:80",
                                       "127.0.0.2:80",
                                       "[::]:80",
                                       "::1:80",
                                       "localhost:80",
                                       "127.0.0.1:",
                                       "127.0.0.1:65536",
                                       "127.0.0.1:8x",
                                       "example.org:80",
                                       "127.0.0.1" };
    struct address a;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_non_null(address_parse(bad[i], &a));
    assert_null(address_parse("127.0.0.1:8080", &a));
    assert_true(!address_is_local(&a) && address_port(&a) == 8080);
    assert_null(address_parse("[::1]:0", &a));
    assert_string_equal(address_host(&a), "[::1]");
    assert_null(address_parse("./web.sock", &a));
    assert_true(address_is_local(&a) && a.local.sun_path[0] == '/');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(page_is_for_everybody),
        cmocka_unit_test(server_proves_that_it_knows_the_secret),
        cmocka_unit_test(exchange_needs_the_secret),
        cmocka_unit_test(body_is_framed_in_one_way),
        cmocka_unit_test(only_our_own_origin_is_served),
        cmocka_unit_test(origins_are_taken_as_browsers_write_them),
        cmocka_unit_test(link_has_the_secret_behind_its_hash),
        cmocka_unit_test(watching_alone_needs_nobody),
        cmocka_unit_test(addresses_are_on_loopback),
    };

    return cmocka_run_group_tests(tests, begin, finish);
}
