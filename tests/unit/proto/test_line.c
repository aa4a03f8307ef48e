/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "proto/line.h"

static void line_splits_words_fields_and_quotes(void **state)
{
    (void)state;
    char bytes[] = "  word key=bare  text=\"a \\\"b\\\" \\x41\\n\" empty= QUJD=x";
    struct line line;
    const char *why;

    assert_int_equal(line_parse(bytes, strlen(bytes), &line, &why), STATUS_OK);
    assert_int_equal(line.count, 5);
    assert_int_equal(line.argument[0].key.len, 0);
    assert_true(slice_is(line.argument[0].value, "word"));
    assert_true(slice_is(line_get(&line, "key"), "bare"));
    assert_true(slice_is(line_get(&line, "text"), "a \"b\" A\n"));
    assert_true(slice_is(line_get(&line, "empty"), ""));
    assert_true(slice_is(line.argument[4].value, "QUJD=x"));
}

/* Try one escape at each position of a quoted value, which is closed, open, or cut off in the
 * escape. */
static void an_escape_is_decoded_wherever_it_is(void **state)
{
    (void)state;
    static const char plain[] = "some plain text, and more";
    enum { PLAIN = sizeof(plain) - 1 };
    struct line line;
    const char *why;

    for (size_t at = 0; at <= PLAIN; at++) {
        char bytes[64], copy[64], meant[64];
        int len = sprintf(bytes, "k=\"%.*s\\\"%s\" z", (int)at, plain, plain + at);
        sprintf(meant, "%.*s\"%s", (int)at, plain, plain + at);
        memcpy(copy, bytes, sizeof(copy));
        assert_int_equal(line_parse(copy, (size_t)len, &line, &why), STATUS_OK);
        assert_int_equal(line.count, 2);
        assert_true(slice_is(line.argument[0].value, meant));
        assert_true(slice_is(line.argument[1].value, "z"));
        memcpy(copy, bytes, sizeof(copy));
        assert_int_equal(line_parse(copy, (size_t)len - 3, &line, &why), STATUS_SYNTAX);
        memcpy(copy, bytes, sizeof(copy));
        assert_int_equal(line_parse(copy, 3 + at + 1, &line, &why), STATUS_SYNTAX);
    }
}

static void line_refuses_what_the_grammar_does_not_allow(void **state)
{
    (void)state;
    static const char *const bad[] = { "a=\"open",   "a=\"x\"y", "a=b\"c", "a=\"\\q\"",
                                       "a=\"\\x4\"", "a\\b",     "a\tb" };
    struct line line;
    const char *why;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char bytes[32];
        strcpy(bytes, bad[i]);
        assert_int_equal(line_parse(bytes, strlen(bytes), &line, &why), STATUS_SYNTAX);
    }
}

static void a_bare_value_is_checked_to_its_last_byte(void **state)
{
    (void)state;
    static const char bad[] = "\"\\\t";
    struct line line;
    const char *why;

    for (size_t at = 2; at < 40; at++) {
        char bytes[41] = "k=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", copy[41];
        for (size_t i = 0; i + 1 < sizeof(bad); i++) {
            memcpy(copy, bytes, sizeof(copy));
            copy[at] = bad[i];
            if (at > 2 || bad[i] != '"')
                assert_int_equal(line_parse(copy, 40, &line, &why), STATUS_SYNTAX);
        }
        bytes[at] = ' ';
        assert_int_equal(line_split(bytes, 40, 40, &line, &why), STATUS_OK);
        assert_int_equal(line.count, at < 39 ? 2 : 1);
        assert_int_equal(line.argument[0].value.len, at - 2);
        bytes[at] = '\xc3';
        assert_int_equal(line_split(bytes, 40, at - 1, &line, &why), STATUS_OK);
        assert_int_equal(line.argument[0].value.len, 38);
    }
}

static void line_check_finds_bad_and_quoted_bytes_at_every_offset(void **state)
{
    (void)state;
    static const char bad[] = { '\0', '\x01', '\x1f', '\x7f', '\x80', '\xff', '\xc0', '\r' };
    static const char quoted[] = { '\t', '"', '\\' };
    const char *why;
    size_t plain;

    for (size_t at = 0; at < 40; at++) {
        char bytes[40];
        memset(bytes, 'a', sizeof(bytes));
        assert_int_equal(line_check((struct slice){ bytes, 40 }, &plain, &why), STATUS_OK);
        assert_int_equal(plain, 40);
        for (size_t i = 0; i < sizeof(bad); i++) {
            bytes[at] = bad[i];
            assert_int_equal(line_check((struct slice){ bytes, 40 }, &plain, &why), STATUS_SYNTAX);
        }
        for (size_t i = 0; i < sizeof(quoted); i++) {
            bytes[at] = quoted[i];
            assert_int_equal(line_check((struct slice){ bytes, 40 }, &plain, &why), STATUS_OK);
            assert_true(plain <= at && at - plain < 16);
        }
    }
}

/* Whatever is put into a line is read from it again, byte for byte. */
static void every_byte_survives_a_round_trip(void **state)
{
    (void)state;
    for (int first = 0; first < 256; first++) {
        for (int second = 0; second < 256; second++) {
            char value[2] = { (char)first, (char)second }, buffer[64];
            struct text t = text_in(buffer, sizeof(buffer));
            struct line line;
            const char *why;

            line_put(&t, "k", (struct slice){ value, 2 });
            assert_int_equal(line_parse(buffer, t.len, &line, &why), STATUS_OK);
            assert_true(slice_equal(line_get(&line, "k"), (struct slice){ value, 2 }));
        }
    }
}

/* Try one byte that needs quotes, at each position of values of each length. */
static void no_byte_of_a_value_is_overlooked(void **state)
{
    (void)state;
    static const char quoted[] = { ' ', '\n', '"', '\\', '\x7f', '\0' };

    for (size_t len = 1; len < 40; len++) {
        for (size_t i = 0; i < len * sizeof(quoted); i++) {
            char value[40], buffer[64];
            struct text t = text_in(buffer, sizeof(buffer)), bare = text_in(buffer, sizeof(buffer));
            memset(value, 'a', len);
            line_put_word(&bare, (struct slice){ value, len });
            assert_int_equal(bare.len, len);
            value[i / sizeof(quoted)] = quoted[i % sizeof(quoted)];
            line_put_word(&t, (struct slice){ value, len });
            assert_int_equal(buffer[0], '"');
        }
    }
}

static void terminal_controls_never_leave_unescaped(void **state)
{
    (void)state;
    char buffer[64];
    struct text t = text_in(buffer, sizeof(buffer));

    line_puts(&t, "k", "\x1b[2J\xc2\x9b");
    assert_true(slice_is(text_slice(&t), " k=\"\\x1b[2J\\xc2\\x9b\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_splits_words_fields_and_quotes),
        cmocka_unit_test(an_escape_is_decoded_wherever_it_is),
        cmocka_unit_test(line_refuses_what_the_grammar_does_not_allow),
        cmocka_unit_test(a_bare_value_is_checked_to_its_last_byte),
        cmocka_unit_test(line_check_finds_bad_and_quoted_bytes_at_every_offset),
        cmocka_unit_test(every_byte_survives_a_round_trip),
        cmocka_unit_test(no_byte_of_a_value_is_overlooked),
        cmocka_unit_test(terminal_controls_never_leave_unescaped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
