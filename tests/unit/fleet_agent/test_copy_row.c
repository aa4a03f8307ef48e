/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "plugin/fleet/copy_row.h"

#define HEAD             \
    "PGCOPY\n\377\r\n\0" \
    "\0\0\0\0"           \
    "\0\0\0\0"
#define ROW       \
    "\0\2"        \
    "\0\0\0\3abc" \
    "\377\377\377\377"
#define END "\377\377"
#define BYTES(literal) ((struct slice)SLICE(literal))

static void assert_row(struct copy_reader *r, struct slice *bytes)
{
    struct slice column[2];

    assert_int_equal(copy_row_take(r, bytes, column, 2), COPY_ROW);
    assert_true(slice_is(column[0], "abc"));
    assert_null(column[1].at);
    assert_int_equal(column[1].len, 0);
}

static enum copy_found rest(struct copy_reader *r, struct slice *bytes)
{
    struct slice column[2];

    return copy_row_take(r, bytes, column, 2);
}

static void rows_are_read_however_messages_are_cut(void **state)
{
    struct copy_reader r = { .begun = false };
    struct slice bytes = BYTES(HEAD ROW ROW);

    (void)state;
    assert_row(&r, &bytes);
    assert_row(&r, &bytes);
    assert_int_equal(rest(&r, &bytes), COPY_NOTHING);
    bytes = BYTES(ROW);
    assert_row(&r, &bytes);
    assert_int_equal(rest(&r, &bytes), COPY_NOTHING);
    assert_false(r.ended);
    bytes = BYTES(END);
    assert_int_equal(rest(&r, &bytes), COPY_NOTHING);
    assert_true(r.ended);
    bytes = BYTES("");
    assert_int_equal(rest(&r, &bytes), COPY_NOTHING);
}

static void head_may_be_alone_and_have_more(void **state)
{
    struct copy_reader r = { .begun = false };
    struct slice bytes = BYTES("PGCOPY\n\377\r\n\0"
                               "\0\0\0\1"
                               "\0\0\0\2xy");

    (void)state;
    assert_int_equal(rest(&r, &bytes), COPY_NOTHING);
    assert_true(r.begun);
    bytes = BYTES(ROW END);
    assert_row(&r, &bytes);
    assert_int_equal(rest(&r, &bytes), COPY_NOTHING);
    assert_true(r.ended);
}

static void what_is_no_row_is_wrong(void **state)
{
    static const struct slice wrong[] = {
        SLICE("PGCOPY\n\377\r\n"), /* no whole head */
        SLICE("PGCOPY\n\377\r\r\0"
              "\0\0\0\0"
              "\0\0\0\0"), /* another one */
        SLICE("PGCOPY\n\377\r\n\0"
              "\0\1\0\0"
              "\0\0\0\0"), /* rows with something before */
        SLICE("PGCOPY\n\377\r\n\0"
              "\0\0\0\0"
              "\0\0\0\1"), /* more that is not there */
        SLICE(HEAD "\0"),
        SLICE(HEAD "\0\1"
                   "\0\0\0\0"), /* fewer columns, more, none */
        SLICE(HEAD "\0\3"
                   "\0\0\0\0"
                   "\0\0\0\0"
                   "\0\0\0\0"),
        SLICE(HEAD "\0\0"),
        SLICE(HEAD "\0\2"
                   "\0\0\0\4abc"), /* a column that is not whole */
        SLICE(HEAD "\0\2"
                   "\0\0\0\3abc"
                   "\200\0\0\0"),
        SLICE(HEAD "\0\2"
                   "\0\0\0\3abc"
                   "\0\0\0"),
        SLICE(HEAD END "\0"), /* something behind the end */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct copy_reader r = { .begun = false };
        struct slice bytes = wrong[i];
        assert_int_equal(rest(&r, &bytes), COPY_WRONG);
    }
}

static void nothing_comes_behind_the_end(void **state)
{
    struct copy_reader r = { .begun = false };
    struct slice bytes = BYTES(HEAD END);

    (void)state;
    assert_int_equal(rest(&r, &bytes), COPY_NOTHING);
    bytes = BYTES(ROW);
    assert_int_equal(rest(&r, &bytes), COPY_WRONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_read_however_messages_are_cut),
        cmocka_unit_test(head_may_be_alone_and_have_more),
        cmocka_unit_test(what_is_no_row_is_wrong),
        cmocka_unit_test(nothing_comes_behind_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
