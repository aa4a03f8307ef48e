/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of a transaction in the log, and what the store's first record says of the log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>

#include "daemon/store/log_body.h"
#include "daemon/store/log_note.h"

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct log_body b = { NULL, 0, 0 };
    struct log_line line;

    assert_true(log_body_put(&b, slice_of("token/00"), slice_of("v=1 description=\"a b\"")));
    assert_true(log_body_remove(&b, slice_of("ban/11")));
    assert_true(log_body_entries(&b, slice_of("serial=1 time=2\nserial=2 time=2\n")));
    assert_true(log_body_tokens(&b, 12345));
    struct slice rest = log_body_slice(&b);
    assert_int_equal(log_body_take(&rest, &line), LOG_PUT);
    assert_true(slice_is(line.key, "token/00") && slice_is(line.value, "v=1 description=\"a b\""));
    assert_int_equal(log_body_take(&rest, &line), LOG_REMOVE);
    assert_true(slice_is(line.key, "ban/11"));
    assert_int_equal(log_body_take(&rest, &line), LOG_ENTRY);
    assert_true(slice_is(line.value, "serial=1 time=2"));
    assert_int_equal(log_body_take(&rest, &line), LOG_ENTRY);
    assert_true(slice_is(line.value, "serial=2 time=2"));
    assert_int_equal(log_body_take(&rest, &line), LOG_TOKENS);
    assert_int_equal(line.tokens, 12345);
    assert_int_equal(log_body_take(&rest, &line), LOG_END);
    log_body_free(&b);
}

static void what_is_no_line_is_neither_written_nor_read(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "put token/00\n", "put  v=1\n",  "remove\n",         "remove a b\n",
        "entry \n",       "tokens -1\n", "tokens 1 2\n",     "tokens \n",
        "Put a b\n",      "\n",          "put token/00 v=1", "entry serial=1",
        " put token/0 v", "remove \n",   "putt a b\n",       "tokens 99999999999999999999\n",
    };
    struct log_body b = { NULL, 0, 0 };
    struct log_line line;

    assert_false(log_body_put(&b, slice_of("a"), slice_of("b\nremove c")));
    assert_false(log_body_put(&b, slice_of("a"), slice_of("")));
    assert_false(log_body_put(&b, slice_of(""), slice_of("b")));
    assert_false(log_body_remove(&b, slice_of("a\nb")));
    assert_false(log_body_entries(&b, slice_of("serial=1")));
    assert_int_equal(b.len, 0);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct slice rest = slice_of(wrong[i]);
        assert_int_equal(log_body_take(&rest, &line), LOG_WRONG);
    }
    log_body_free(&b);
}

static void a_note_is_read_as_it_was_written_and_keeps_the_rest(void **state)
{
    (void)state;
    char bytes[256], again[256];
    struct text t = text_in(bytes, sizeof(bytes)), plain = text_in(again, sizeof(again));
    struct log_note note, read;
    const struct log_note none = { .next = 0 };

    log_note_name(&note);
    note.next = 1234567;
    assert_true(log_note_write(
        &t, slice_of("v=1 created=2026-11-01T00:00:00Z epoch=a0000000000000ff    "), &note));
    assert_true(slice_begins(text_slice(&t),
                             "v=2 created=2026-11-01T00:00:00Z epoch=a0000000000000ff log="));
    assert_true(log_note_read(text_slice(&t), &read));
    assert_true(log_note_equal(&read, &note));
    assert_true(log_note_write(&plain, text_slice(&t), &none));
    assert_true(slice_is(text_slice(&plain),
                         "v=1 created=2026-11-01T00:00:00Z epoch=a0000000000000ff"));
    assert_true(log_note_read(text_slice(&plain), &read) && read.name[0] == '\0');
}

static void another_version_or_a_damaged_note_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "v=2 created=1",
        "v=2 log=a0000000000000ff",
        "v=2 log=a0000000000000ff:",
        "v=2 log=a0000000000000ff:0",
        "v=2 log=a0000000000000f:1",
        "v=2 log=A0000000000000ff:1",
        "v=2 log=a0000000000000ff:-1",
        "v=3 log=a0000000000000ff:1",
        "x",
        "",
    };
    struct log_note note;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        if (log_note_read(slice_of(wrong[i]), &note))
            fail_msg("%s", wrong[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(what_is_no_line_is_neither_written_nor_read),
        cmocka_unit_test(a_note_is_read_as_it_was_written_and_keeps_the_rest),
        cmocka_unit_test(another_version_or_a_damaged_note_is_refused),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
