/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "plugin/http/head.h"

#define HEAD(fields) "GET /verify/api HTTP/1.1\r\nHost: x\r\n" fields "\r\n"

static struct http_head head;

static enum http_head_status parse(const char *bytes, size_t len)
{
    const char *why = NULL;
    size_t searched = 0;
    char *copy = malloc(len + 1);

    memcpy(copy, bytes, len); /* its exact size, so that a sanitizer detects an overrun */
    copy = realloc(copy, len > 0 ? len : 1);
    enum http_head_status status = http_head_parse(copy, len, &searched, &head, &why);
    assert_true((status == HTTP_HEAD_BAD) == (why != NULL));
    if (status == HTTP_HEAD_OK) /* let what was found point into what stays */
        status = http_head_parse(bytes, len, &(size_t){ 0 }, &head, &why);
    free(copy);
    return status;
}

static void must_be(enum http_head_status wanted, const char *bytes, size_t len)
{
    enum http_head_status status = parse(bytes, len);

    if (status != wanted)
        fail_msg("%d instead of %d: %.*s", (int)status, (int)wanted, (int)len, bytes);
}

#define GOOD(literal) must_be(HTTP_HEAD_OK, literal, sizeof(literal) - 1)
#define BAD(literal) must_be(HTTP_HEAD_BAD, literal, sizeof(literal) - 1)

static void a_request_of_a_proxy_is_read(void **state)
{
    (void)state;
    GOOD("POST /verify/api/a?b=c HTTP/1.1\r\nHost: jeton\r\nAuthorization:  Bearer x y\t \r\n"
         "X-Empty:\r\nX-Bytes: \xc3\xa4\tz\r\n\r\nGET /next");
    assert_true(slice_is(head.method, "POST"));
    assert_true(slice_is(head.target, "/verify/api/a?b=c"));
    assert_int_equal(head.minor, 1);
    assert_true(head.keep_alive && !head.body && !head.control);
    assert_int_equal(head.fields, 4);
    assert_true(slice_is(head.field[1].name, "Authorization"));
    assert_true(slice_is(head.field[1].value, "Bearer x y"));
    assert_int_equal(head.field[2].value.len, 0);
    assert_true(slice_is(head.field[3].value, "\xc3\xa4\tz"));
    assert_int_equal(head.len, strlen("POST /verify/api/a?b=c HTTP/1.1\r\nHost: jeton\r\n"
                                      "Authorization:  Bearer x y\t \r\nX-Empty:\r\n"
                                      "X-Bytes: \xc3\xa4\tz\r\n\r\n"));
}

static void a_head_that_comes_in_pieces_is_the_same(void **state)
{
    (void)state;
    static const char bytes[] = HEAD("A: b\r\nConnection: keep-alive\r\n");
    const char *why = NULL;
    size_t searched = 0;

    for (size_t len = 0; len < sizeof(bytes) - 1; len++)
        assert_int_equal(http_head_parse(bytes, len, &searched, &head, &why), HTTP_HEAD_MORE);
    assert_int_equal(http_head_parse(bytes, sizeof(bytes) - 1, &searched, &head, &why),
                     HTTP_HEAD_OK);
    assert_int_equal(head.fields, 3);
}

static void wrong_request_lines_are_refused(void **state)
{
    (void)state;
#define LINE(line) line "\r\nHost: x\r\n\r\n"
    GOOD(LINE("GET / HTTP/1.1"));
    GOOD(LINE("X-!#$%&'*+.^_`|~09 /\"<>\\^`{|} HTTP/1.0"));
    BAD(LINE("GET /"));
    BAD(LINE("GET / HTTP/2.0"));
    BAD(LINE("GET / HTTP/1.2"));
    BAD(LINE("GET / HTTP/1.10"));
    BAD(LINE("GET / http/1.1"));
    BAD(LINE("GET / HTTP/1.1 "));
    BAD(LINE("GET  / HTTP/1.1"));
    BAD(LINE("GET /  HTTP/1.1"));
    BAD(LINE(" GET / HTTP/1.1"));
    BAD(LINE("GET\t/ HTTP/1.1"));
    BAD(LINE("G(T / HTTP/1.1"));
    BAD(LINE(" / HTTP/1.1"));
    BAD(LINE("GET http://x/ HTTP/1.1"));
    BAD(LINE("CONNECT x:80 HTTP/1.1"));
    BAD(LINE("OPTIONS * HTTP/1.1"));
    BAD(LINE("GET /a b HTTP/1.1"));
    BAD(LINE("GET /a\0 HTTP/1.1"));
    BAD(LINE("GET /\xc3\xa4 HTTP/1.1"));
    BAD(LINE("GET /a#b HTTP/1.1"));
    BAD(LINE("") LINE("GET / HTTP/1.1"));
    BAD(LINE("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1"));
    BAD("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
#undef LINE
}

static void line_ends_other_than_crlf_are_refused(void **state)
{
    (void)state;
    BAD("GET / HTTP/1.1\nHost: x\r\n\r\n");
    BAD("GET / HTTP/1.1\r\nHost: x\n\r\n");
    BAD("GET / HTTP/1.1\r\nHost: x\r\n\n");
    BAD("\nGET / HTTP/1.1\r\nHost: x\r\n\r\n");
    BAD("\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n");
    BAD(HEAD("A: b\rC: d\r\n"));
    BAD(HEAD("A: b\r\r\n"));
    BAD(HEAD("A\r: b\r\n"));
    BAD("GET / HTTP/1.1\r\r\nHost: x\r\n\r\n");
}

static void folded_and_nameless_fields_are_refused(void **state)
{
    (void)state;
    BAD(HEAD("A: b\r\n c\r\n"));
    BAD(HEAD("A: b\r\n\tc\r\n"));
    BAD("GET / HTTP/1.1\r\n Host: x\r\n\r\n");
    BAD(HEAD("A : b\r\n"));
    BAD(HEAD("A\t: b\r\n"));
    BAD(HEAD(": b\r\n"));
    BAD(HEAD("A\r\n"));
    BAD(HEAD("A B: c\r\n"));
    BAD(HEAD("A\xc3: c\r\n"));
    BAD(HEAD("A\0: c\r\n"));
}

static void host_is_given_once(void **state)
{
    (void)state;
    BAD("GET / HTTP/1.1\r\nA: b\r\n\r\n");
    GOOD("GET / HTTP/1.0\r\nA: b\r\n\r\n");
    BAD(HEAD("host: x\r\n"));
    BAD("GET / HTTP/1.1\r\nHost: x, y\r\n\r\n");
    GOOD("GET / HTTP/1.1\r\nHost:\r\n\r\n");
}

static void a_body_that_is_announced_ends_the_connection(void **state)
{
    (void)state;
    GOOD(HEAD("Content-Length: 5\r\n"));
    assert_true(head.body && !head.keep_alive);
    GOOD(HEAD("Transfer-Encoding: Chunked\r\nConnection: keep-alive\r\n"));
    assert_true(head.body && !head.keep_alive);
    GOOD(HEAD("Content-Length: 0\r\n"));
    assert_true(!head.body && head.keep_alive);
}

static void lengths_that_can_be_read_in_two_ways_are_refused(void **state)
{
    (void)state;
    BAD(HEAD("Content-Length: 0\r\nContent-Length: 0\r\n"));
    BAD(HEAD("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"));
    BAD(HEAD("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n"));
    BAD(HEAD("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"));
    BAD(HEAD("Transfer-Encoding: gzip, chunked\r\n"));
    BAD(HEAD("Transfer-Encoding: identity\r\n"));
    BAD(HEAD("Transfer-Encoding:\r\n"));
    BAD(HEAD("Transfer-Encoding: chunked\v\r\n"));
    BAD("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n");
    BAD(HEAD("Content-Length:\r\n"));
    BAD(HEAD("Content-Length: +1\r\n"));
    BAD(HEAD("Content-Length: -1\r\n"));
    BAD(HEAD("Content-Length: 0x1\r\n"));
    BAD(HEAD("Content-Length: 1, 1\r\n"));
    BAD(HEAD("Content-Length: 1 1\r\n"));
    BAD(HEAD("Content-Length: 99999999999999999999\r\n"));
}

static void the_connection_goes_on_as_both_sides_expect(void **state)
{
    (void)state;
    GOOD(HEAD(""));
    assert_true(head.keep_alive);
    GOOD(HEAD("Connection: close\r\n"));
    assert_false(head.keep_alive);
    GOOD(HEAD("Connection: x, CLOSE ,keep-alive\r\n"));
    assert_false(head.keep_alive);
    GOOD(HEAD("Connection:\r\n"));
    assert_true(head.keep_alive);
    BAD(HEAD("Connection: a,,close\r\n")); /* http-parser does not see what comes behind */
    BAD(HEAD("Connection: close,\r\n"));
    BAD(HEAD("Connection: keep alive\r\n"));
    BAD(HEAD("Connection: close\t\r\n")); /* ... nor a word with a tab */
    GOOD(HEAD("Connection: closed\r\n"));
    assert_true(head.keep_alive);
    GOOD(HEAD("Connection: close\r\nConnection: keep-alive\r\n"));
    assert_false(head.keep_alive);
    GOOD("GET / HTTP/1.0\r\n\r\n");
    assert_false(head.keep_alive);
    GOOD("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
    assert_true(head.keep_alive);
}

static void control_characters_are_noticed(void **state)
{
    (void)state;
    GOOD(HEAD("A: b\0c\r\n"));
    assert_true(head.control && !head.keep_alive);
    GOOD(HEAD("A: b\x7f\r\n"));
    assert_true(head.control);
    GOOD(HEAD("A: b\tc\xff\r\n"));
    assert_false(head.control);
}

static void what_is_too_long_is_refused(void **state)
{
    (void)state;
    static char bytes[2 * HTTP_HEAD_MAX];
    static const char begin[] = "GET / HTTP/1.0\r\nA: ";
    size_t len = sizeof(begin) - 1;

    memset(bytes, 'x', sizeof(bytes));
    memcpy(bytes, begin, len);
    must_be(HTTP_HEAD_MORE, bytes, HTTP_HEAD_MAX - 1);
    must_be(HTTP_HEAD_TOO_LONG, bytes, HTTP_HEAD_MAX);
    memcpy(bytes + HTTP_HEAD_MAX - 4, "\r\n\r\n", 4);
    must_be(HTTP_HEAD_OK, bytes, HTTP_HEAD_MAX);
    assert_int_equal(head.len, HTTP_HEAD_MAX);
    memcpy(bytes + HTTP_HEAD_MAX - 4, "x\r\n\r\n", 5);
    must_be(HTTP_HEAD_TOO_LONG, bytes, HTTP_HEAD_MAX + 1);
}

static void more_fields_than_the_limit_are_refused(void **state)
{
    (void)state;
    static char bytes[8 * (HTTP_FIELDS_MAX + 8)];

    for (int fields = HTTP_FIELDS_MAX; fields <= HTTP_FIELDS_MAX + 1; fields++) {
        size_t len = (size_t)sprintf(bytes, "GET / HTTP/1.0\r\n");
        for (int i = 0; i < fields; i++)
            len += (size_t)sprintf(bytes + len, "A: b\r\n");
        len += (size_t)sprintf(bytes + len, "\r\n");
        must_be(fields > HTTP_FIELDS_MAX ? HTTP_HEAD_TOO_LONG : HTTP_HEAD_OK, bytes, len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_of_a_proxy_is_read),
        cmocka_unit_test(a_head_that_comes_in_pieces_is_the_same),
        cmocka_unit_test(wrong_request_lines_are_refused),
        cmocka_unit_test(line_ends_other_than_crlf_are_refused),
        cmocka_unit_test(folded_and_nameless_fields_are_refused),
        cmocka_unit_test(host_is_given_once),
        cmocka_unit_test(a_body_that_is_announced_ends_the_connection),
        cmocka_unit_test(lengths_that_can_be_read_in_two_ways_are_refused),
        cmocka_unit_test(the_connection_goes_on_as_both_sides_expect),
        cmocka_unit_test(control_characters_are_noticed),
        cmocka_unit_test(what_is_too_long_is_refused),
        cmocka_unit_test(more_fields_than_the_limit_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
