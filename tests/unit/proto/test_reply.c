/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/reply.h"

/* Parse a copy of the text, which the reply points into until the next call. */
static bool parse(const char *text, struct reply *reply)
{
    static char bytes[512];
    size_t len = strlen(text);

    assert_in_range(len, 0, sizeof(bytes));
    memcpy(bytes, text, len);
    return reply_parse(bytes, len, reply);
}

static void every_status_is_read_as_it_was_written(void **state)
{
    (void)state;
    for (enum status s = 0; s < STATUS_COUNT; s++) {
        char buffer[512];
        struct text t = text_in(buffer, sizeof(buffer));
        struct reply reply;
        reply_begin(&t, s);
        line_puts(&t, "id", "a \"quoted\" id");
        reply_end(&t, s, "for people");
        assert_false(t.cut);
        assert_int_equal(buffer[t.len - 1], '\n');
        assert_true(reply_parse(buffer, t.len - 1, &reply));
        assert_true(reply.final);
        assert_int_equal(reply.kind, status_row(s)->kind);
        assert_int_equal(reply.status, s);
        assert_true(slice_is(reply.word, s == STATUS_OK ? "" : status_row(s)->word));
        assert_true(slice_is(line_get(&reply.line, "id"), "a \"quoted\" id"));
        assert_true(slice_is(line_get(&reply.line, "message"), s == STATUS_OK ? "" : "for people"));
    }
}

static void a_refusal_without_a_message_gets_the_meaning_of_its_status(void **state)
{
    (void)state;
    for (enum status s = STATUS_OK + 1; s < STATUS_COUNT; s++) {
        char buffer[512], expected[512];
        struct text t = text_in(buffer, sizeof(buffer)),
                    other = text_in(expected, sizeof(expected));
        struct reply reply;
        reply_plain(&t, s, NULL);
        reply_plain(&other, s, status_row(s)->meaning);
        assert_true(slice_equal(text_slice(&t), text_slice(&other)));
        assert_true(reply_parse(buffer, t.len - 1, &reply));
        assert_true(slice_is(line_get(&reply.line, "message"), status_row(s)->meaning));
    }
}

static void an_unknown_word_is_kept(void **state)
{
    (void)state;
    struct reply reply;

    assert_true(parse("NO full-moon retry_after=9", &reply));
    assert_int_equal(reply.kind, ANSWER_NO);
    assert_int_equal(reply.status, STATUS_COUNT);
    assert_int_equal(reply_status(&reply), STATUS_DENIED);
    assert_true(slice_is(reply.word, "full-moon"));
    assert_true(slice_is(line_get(&reply.line, "retry_after"), "9"));
    assert_true(parse("ERR full-moon", &reply));
    assert_int_equal(reply.kind, ANSWER_ERR);
    assert_int_equal(reply.status, STATUS_COUNT);
    assert_int_equal(reply_status(&reply), STATUS_UNAVAILABLE);
    assert_true(parse("ERR revoked", &reply)); /* a reason, but not a code */
    assert_int_equal(reply.status, STATUS_COUNT);
    assert_true(parse("NO revoked", &reply));
    assert_int_equal(reply_status(&reply), STATUS_REVOKED);
}

static void words_and_fields_behind_those_that_are_known_are_allowed(void **state)
{
    (void)state;
    struct reply reply;

    assert_true(parse("OK later news=1", &reply));
    assert_int_equal(reply.status, STATUS_OK);
    assert_int_equal(reply.word.len, 0);
    assert_true(parse("  NO  \"revoked\"  id=1 ", &reply));
    assert_int_equal(reply.status, STATUS_REVOKED);
}

static void a_data_line_has_fields_only(void **state)
{
    (void)state;
    struct reply reply;

    assert_true(parse("* id=1 description=\"OK then\"", &reply));
    assert_false(reply.final);
    assert_int_equal(reply.line.count, 2);
    assert_true(slice_is(line_get(&reply.line, "description"), "OK then"));
    assert_true(parse("* NO revoked", &reply));
    assert_false(reply.final);
    assert_true(parse("*", &reply));
    assert_false(reply.final);
    assert_int_equal(reply.line.count, 0);
    assert_false(parse("* id=\"1", &reply));
}

static void other_lines_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",        " ",       "ok",        "YES",         "OKAY",  "OK n=\"1",
        "OK \xff", "OK\tn=1", "OK \x01",   "NO",          "ERR",   "NO reason=revoked",
        "ERR n=1", "n=1 OK",  "status=OK", "\"OK \" n=1", "*id=1", "**",
        "-",
    };
    struct reply reply;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (parse(bad[i], &reply))
            fail_msg("taken for a line of a reply: '%s'", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_is_read_as_it_was_written),
        cmocka_unit_test(a_refusal_without_a_message_gets_the_meaning_of_its_status),
        cmocka_unit_test(an_unknown_word_is_kept),
        cmocka_unit_test(words_and_fields_behind_those_that_are_known_are_allowed),
        cmocka_unit_test(a_data_line_has_fields_only),
        cmocka_unit_test(other_lines_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
