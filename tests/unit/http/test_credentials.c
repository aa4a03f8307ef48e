/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <sodium.h>

#include "plugin/http/credentials.h"

static struct http_accept accept;
static struct http_credentials c;

static void accepting(const char *list)
{
    const char *fault = http_accept_parse(slice_of(list), &accept);

    if (fault != NULL)
        fail_msg("%s: %s", list, fault);
    http_credentials_begin(&c);
}

static bool field(const char *name, struct slice value)
{
    return http_credentials_field(&c, &accept, slice_of(name), value);
}

/* Read one Authorization field, anew. */
static enum http_credentials_status authorization(struct slice value)
{
    http_credentials_begin(&c);
    assert_true(field("authorization", value));
    return c.status;
}

#define IS_TOKEN(literal, wanted)                                                              \
    do {                                                                                       \
        assert_int_equal(authorization((struct slice)SLICE(literal)), HTTP_CREDENTIALS_TOKEN); \
        assert_true(slice_is(c.token, wanted));                                                \
    } while (0)
#define IS(literal, wanted) \
    assert_int_equal(authorization((struct slice)SLICE(literal)), HTTP_CREDENTIALS_##wanted)

static void a_bearer_token_is_taken_as_it_is(void **state)
{
    (void)state;
    accepting("bearer");
    IS_TOKEN("Bearer abc", "abc");
    IS_TOKEN("bearer   a.b-c_d~e+f/g==", "a.b-c_d~e+f/g==");
    IS_TOKEN("BEARER !\"#$%&'()*;<>@[]^`{|}", "!\"#$%&'()*;<>@[]^`{|}");
    IS("Bearer", MALFORMED);
    IS("Bearer ", MALFORMED);
    IS("Bearer a b", MALFORMED);
    IS("Bearer a\tb", MALFORMED);
    IS("Bearer\ta", MALFORMED);
    IS("Bearer a,b", MALFORMED);
    IS("Bearer a, Bearer b", MALFORMED);
    IS("Bearer a\0b", MALFORMED);
    IS("Bearer a\0", MALFORMED);
    IS("Bearer a\x7f", MALFORMED);
    IS("Bearer \xc3\xa4", MALFORMED);
    IS("", MALFORMED);
    IS("Bearer\0 a", MALFORMED);
}

static void credentials_of_another_kind_are_none(void **state)
{
    (void)state;
    accepting("bearer");
    IS("Digest username=\"a\"", NONE);
    IS("BearerX a", NONE);
    IS("Basic YTpi", NONE);
    accepting("basic");
    IS("Bearer a", NONE);
    accepting("header:X-API-Key");
    assert_false(field("Authorization", (struct slice)SLICE("Bearer a")));
    assert_false(field("Authorization", (struct slice)SLICE("Bearer b")));
    assert_int_equal(c.status, HTTP_CREDENTIALS_NONE);
}

static void a_basic_password_is_the_token(void **state)
{
    (void)state;
    accepting("basic,bearer");
    IS_TOKEN("Basic YTpi", "b");
    IS_TOKEN("basic OnRva2Vu", "token");
    IS_TOKEN("Basic YTo6Yg==", ":b");
    IS("Basic YTo=", MALFORMED);      /* no password */
    IS("Basic YWI=", MALFORMED);      /* no colon */
    IS("Basic", MALFORMED);           /* nothing */
    IS("Basic YTpi YTpj", MALFORMED); /* two */
    IS("Basic YTpi=", MALFORMED);     /* not a multiple of four */
    IS("Basic YTp", MALFORMED);
    IS("Basic YTo6Yh==", MALFORMED); /* bits that an encoder leaves zero */
    IS("Basic YTo6Yg=x", MALFORMED);
    IS("Basic YT==YTpi", MALFORMED);
    IS("Basic YTo-_w==", MALFORMED); /* another alphabet */
    IS("Basic YTpiAGM=", MALFORMED); /* a:b NUL c */
    IS("Basic AGE6Yg==", MALFORMED); /* NUL a:b */
    IS("Basic YTpiIGM=", MALFORMED); /* a:b c */
    IS("Basic YTpiLGM=", MALFORMED); /* a:b,c */
    IS("Basic YTpiCg==", MALFORMED); /* a:b LF */
    IS_TOKEN("Basic w6Q6Yg==", "b"); /* a user name may have any letters */
}

static void a_password_of_every_length_is_whole(void **state)
{
    (void)state;
    static char plain[VALUE_MAX + 64], encoded[2 * sizeof(plain)];

    accepting("basic");
    memset(plain, 'x', sizeof(plain));
    plain[1] = ':';
    for (size_t len = 1; len <= VALUE_MAX + 2; len += len < 64 || len > VALUE_MAX - 4 ? 1 : 53) {
        sprintf(encoded, "Basic ");
        sodium_bin2base64(encoded + 6, sizeof(encoded) - 6, (const uint8_t *)plain, len + 2,
                          sodium_base64_VARIANT_ORIGINAL);
        enum http_credentials_status status = authorization(slice_of(encoded));
        if (len > VALUE_MAX + 1)
            assert_int_equal(status, HTTP_CREDENTIALS_MALFORMED);
        else
            assert_true(status == HTTP_CREDENTIALS_TOKEN && c.token.len == len);
    }
}

static void two_of_anything_are_no_credentials(void **state)
{
    (void)state;
    const struct slice a = SLICE("Bearer a"), digest = SLICE("Digest b"), key = SLICE("k");

    accepting("bearer,basic,header:X-API-Key,header:X-Other");
    assert_true(field("Authorization", a) && field("AUTHORIZATION", a));
    assert_int_equal(c.status, HTTP_CREDENTIALS_MALFORMED);
    http_credentials_begin(&c);
    assert_true(field("Authorization", digest) && field("Authorization", a));
    assert_int_equal(c.status, HTTP_CREDENTIALS_MALFORMED);
    http_credentials_begin(&c);
    assert_true(field("Authorization", a) && field("x-api-key", key));
    assert_int_equal(c.status, HTTP_CREDENTIALS_MALFORMED);
    http_credentials_begin(&c);
    assert_true(field("X-API-Key", key) && field("X-Other", key));
    assert_int_equal(c.status, HTTP_CREDENTIALS_MALFORMED);
    assert_true(field("X-API-Key", key)); /* and stays so */
    assert_int_equal(c.status, HTTP_CREDENTIALS_MALFORMED);
}

static void a_named_field_has_the_token_alone(void **state)
{
    (void)state;
    accepting("bearer, header:X-API-Key");
    assert_true(field("x-Api-kEY", (struct slice)SLICE("key")));
    assert_int_equal(c.status, HTTP_CREDENTIALS_TOKEN);
    assert_true(slice_is(c.token, "key"));
    assert_false(field("X_API_Key", (struct slice)SLICE("other")));
    assert_int_equal(c.status, HTTP_CREDENTIALS_TOKEN);
    static const struct slice bad[] = { SLICE(""), SLICE("a b"), SLICE("a,b"), SLICE("a\0b") };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        http_credentials_begin(&c);
        assert_true(field("X-API-Key", bad[i]));
        assert_int_equal(c.status, HTTP_CREDENTIALS_MALFORMED);
    }
}

static void lists_of_what_is_accepted_are_checked(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        ",",
        "bearer,",
        "Bearer",
        "bearer basic",
        "bearer,bearer",
        "basic,header:",
        "header:a b",
        "header:a:b",
        "header:A,header:a",
        "header:Authorization",
        "header:host",
        "header:a,header:b,header:c,header:d,header:e",
        "header:xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    };

    accepting(" bearer ,\tbasic, header:a,header:b,header:c,header:d");
    assert_true(accept.bearer && accept.basic && accept.names == 4);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (http_accept_parse(slice_of(bad[i]), &accept) == NULL)
            fail_msg("taken: %s", bad[i]);
}

static void what_was_decoded_is_wiped(void **state)
{
    (void)state;
    accepting("basic");
    IS_TOKEN("Basic YTpzZWNyZXQ=", "secret");
    http_credentials_end(&c);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(c.decoded[i], 0);
    assert_int_equal(c.token.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bearer_token_is_taken_as_it_is),
        cmocka_unit_test(credentials_of_another_kind_are_none),
        cmocka_unit_test(a_basic_password_is_the_token),
        cmocka_unit_test(a_password_of_every_length_is_whole),
        cmocka_unit_test(two_of_anything_are_no_credentials),
        cmocka_unit_test(a_named_field_has_the_token_alone),
        cmocka_unit_test(lists_of_what_is_accepted_are_checked),
        cmocka_unit_test(what_was_decoded_is_wiped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
