/* SPDX-License-Identifier: Apache-2.0 */
/* Lines cut out of bytes, wherever the bytes are split. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "daemon/session/framing.h"

enum { BUFFER = 4 * LINE_MAX_BYTES };

static struct framing framing;
static char in[BUFFER];
static size_t in_len;
static char log_text[2 * BUFFER]; /* the events: "=line\n", "-unended\n", "!overlong\n", "~\n" */
static size_t log_len;

static int set_up(void **state)
{
    (void)state;
    framing = (struct framing){ .state = FRAMING_AT_START };
    in_len = log_len = 0;
    return 0;
}

static void note(char what, struct slice line)
{
    assert_true(log_len + line.len + 2 < sizeof(log_text));
    log_text[log_len++] = what;
    if (line.len > 0)
        memcpy(log_text + log_len, line.at, line.len);
    log_len += line.len;
    log_text[log_len++] = '\n';
}

static void drop(size_t size)
{
    assert_true(size <= in_len);
    memmove(in, in + size, in_len - size);
    in_len -= size;
}

/* Take all events. */
static void take_all(bool eof)
{
    static const char marks[] = { [FRAMING_LINE] = '=', [FRAMING_UNENDED] = '-' };
    struct frame frame;

    for (;;) {
        enum framing_event event = framing_next(&framing, (struct slice){ in, in_len }, eof,
                                                &frame);
        if (event == FRAMING_SKIPPED)
            note('~', (struct slice){ in, 0 });
        else if (event == FRAMING_OVERLONG)
            note('!', (struct slice){ in, 0 });
        else if (event != FRAMING_NOTHING)
            note(marks[event], frame.line);
        if (event > FRAMING_SKIPPED)
            framing_take(&framing, event);
        drop(frame.size);
        if (event == FRAMING_NOTHING)
            return;
    }
}

static void add(const char *bytes, size_t len)
{
    assert_true(in_len + len <= sizeof(in));
    if (len > 0)
        memcpy(in + in_len, bytes, len);
    in_len += len;
}

static void add_text(const char *text)
{
    add(text, strlen(text));
    take_all(false);
}

static void add_many(char byte, size_t count)
{
    for (size_t i = 0; i < count; i++)
        add(&byte, 1);
}

static void assert_log(const char *expected)
{
    assert_int_equal(log_len, strlen(expected));
    assert_memory_equal(log_text, expected, log_len);
}

static void every_split_gives_the_same_lines(void **state)
{
    static const char text[] = "ping\n\r\n\nverify a\r\n# b\r\r\nlast";
    size_t len = sizeof(text) - 1;

    for (size_t first = 0; first <= len; first++)
        for (size_t second = first; second <= len; second++) {
            set_up(state);
            add(text, first);
            take_all(false);
            add(text + first, second - first);
            take_all(false);
            add(text + second, len - second);
            take_all(true);
            assert_log("=ping\n=\n=\n=verify a\n=# b\r\n-last\n");
            assert_int_equal(in_len, 0);
            assert_false(framing_is_partial(&framing));
        }
}

static void a_line_is_found_again_until_it_is_taken(void **state)
{
    struct frame frame;

    (void)state;
    add("ping\r\nrest", 10);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(framing_next(&framing, (struct slice){ in, in_len }, false, &frame),
                         FRAMING_LINE);
        assert_int_equal(frame.line.len, 4);
        assert_int_equal(frame.size, 6);
    }
    framing_take(&framing, FRAMING_LINE);
    drop(frame.size);
    assert_int_equal(framing_next(&framing, (struct slice){ in, in_len }, false, &frame),
                     FRAMING_NOTHING);
    assert_int_equal(frame.size, 0);
    assert_true(framing_is_partial(&framing));
}

static void carriage_return_ends_a_line_only_before_its_line_feed(void **state)
{
    (void)state;
    add_text("a\rb\n\r");
    assert_log("=a\rb\n");
    add_text("\n\r\r\n");
    assert_log("=a\rb\n=\n=\r\n");
}

static void bytes_of_a_line_are_not_looked_at(void **state)
{
    static const char bytes[] = "a\0b\xff\x01\n";

    (void)state;
    add(bytes, sizeof(bytes) - 1);
    take_all(false);
    assert_int_equal(log_len, 7);
    assert_memory_equal(log_text, "=a\0b\xff\x01\n", 7);
}

/* 8192 bytes with the line feed, whether a carriage return is among them or not. */
static void the_limit_includes_the_line_end(void **state)
{
    for (int cr = 0; cr < 2; cr++) {
        set_up(state);
        add_many('x', LINE_MAX_BYTES - 1 - (size_t)cr);
        take_all(false);
        assert_int_equal(log_len, 0);
        assert_true(framing_is_partial(&framing));
        add_text(cr ? "\r\n" : "\n");
        assert_int_equal(log_len, LINE_MAX_BYTES - (size_t)cr + 1);
        assert_int_equal(log_text[0], '=');
        add_text("ping\n");
        assert_memory_equal(log_text + log_len - 6, "=ping\n", 6);
    }
}

static void a_longer_line_is_overlong_before_its_end_comes(void **state)
{
    (void)state;
    add_many('x', LINE_MAX_BYTES);
    take_all(false);
    assert_log("!\n");
    assert_int_equal(in_len, 0);
    assert_int_equal(framing.state, FRAMING_SKIPPING);
    add_text("more");
    assert_log("!\n");
    assert_int_equal(in_len, 0); /* it takes no space */
    add_text("\nping\n");
    assert_log("!\n~\n=ping\n");
    assert_false(framing_is_partial(&framing));
}

static void overlong_lines_end_wherever_they_are_split(void **state)
{
    enum { LEN = LINE_MAX_BYTES + 3 };
    static char text[LEN + 8];

    memset(text, 'y', LEN);
    memcpy(text + LEN, "\nping\nx\n", 8);
    for (size_t first = LINE_MAX_BYTES - 2; first <= sizeof(text); first++) {
        set_up(state);
        add(text, first);
        take_all(false);
        add(text + first, sizeof(text) - first);
        take_all(false);
        assert_log("!\n~\n=ping\n=x\n");
    }
}

static void an_overlong_line_without_end_ends_with_the_input(void **state)
{
    (void)state;
    add_many('x', LINE_MAX_BYTES + 10);
    take_all(true);
    assert_log("!\n");
    assert_int_equal(in_len, 0);
}

static void the_end_of_input_is_no_line(void **state)
{
    (void)state;
    take_all(true);
    assert_log("");
    add("ping\n", 5);
    take_all(true);
    assert_log("=ping\n");
    add("pi", 2);
    take_all(true);
    assert_log("=ping\n-pi\n");
    assert_int_equal(in_len, 0);
}

/* With this count the caller can see whether a partial line is still the same one. */
static void each_line_that_ended_is_counted(void **state)
{
    (void)state;
    add_text("pi");
    assert_int_equal(framing.lines, 0);
    add_text("ng\npi");
    assert_int_equal(framing.lines, 1);
    assert_true(framing_is_partial(&framing));
    add_text("ng\n");
    add_many('x', LINE_MAX_BYTES);
    take_all(false);
    assert_int_equal(framing.lines, 2);
    add_text("\nz");
    assert_int_equal(framing.lines, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(test) cmocka_unit_test_setup(test, set_up)
        TEST(every_split_gives_the_same_lines),
        TEST(a_line_is_found_again_until_it_is_taken),
        TEST(carriage_return_ends_a_line_only_before_its_line_feed),
        TEST(bytes_of_a_line_are_not_looked_at),
        TEST(the_limit_includes_the_line_end),
        TEST(a_longer_line_is_overlong_before_its_end_comes),
        TEST(overlong_lines_end_wherever_they_are_split),
        TEST(an_overlong_line_without_end_ends_with_the_input),
        TEST(the_end_of_input_is_no_line),
        TEST(each_line_that_ended_is_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
