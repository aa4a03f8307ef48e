/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "plugin/fleet/page.h"

static const char serial_7[8] = { 0, 0, 0, 0, 0, 0, 0, 7 };
static const char nonce[] = "0123456789abcdef";

/* A page of one row, whose columns are as long as they are given. */
static PGresult *page_of(struct slice serial, struct slice uuid, struct slice event,
                         struct slice digest)
{
    static PGresAttDesc columns[5] = {
        { .name = "serial" }, { .name = "nonce" },  { .name = "event" },
        { .name = "digest" }, { .name = "claims" },
    };
    const struct slice values[] = { serial, uuid, event, digest };
    PGresult *r = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);

    assert_true(PQsetResultAttrs(r, 5, columns));
    for (int i = 0; i < 4; i++)
        assert_true(PQsetvalue(r, 0, i, (char *)(uintptr_t)values[i].at,
                               values[i].at != NULL ? (int)values[i].len : -1));
    assert_true(PQsetvalue(r, 0, 4, NULL, -1));
    return r;
}

static bool reads(const char *serial, size_t serial_len, size_t nonce_len, const char *event)
{
    PGresult *r = page_of((struct slice){ serial, serial_len }, (struct slice){ nonce, nonce_len },
                          slice_of(event), (struct slice){ NULL, 0 });
    struct page_row row;
    const bool read = page_read(r, 0, &row);

    PQclear(r);
    if (read) {
        assert_int_equal(row.place.serial, 7);
        assert_memory_equal(row.place.nonce, nonce, FLEET_NONCE_SIZE);
        assert_true(row.change.digest.at == NULL && row.change.claims.at == NULL);
    }
    return read;
}

static void row_is_read_if_each_value_has_the_length_of_its_type(void **state)
{
    (void)state;
    assert_true(reads(serial_7, 8, 16, "revoke"));
    for (size_t len = 0; len < 8; len++)
        assert_false(reads(serial_7, len, 16, "revoke"));
    for (size_t len = 0; len < 16; len++)
        assert_false(reads(serial_7, 8, len, "revoke"));
    assert_false(reads("000000007", 9, 16, "revoke"));
    assert_false(reads(serial_7, 8, 17, "revoke"));
    assert_false(reads(serial_7, 8, 16, ""));
    assert_false(reads(NULL, 0, 16, "revoke"));
}

static void serial_that_is_zero_or_below_is_none(void **state)
{
    (void)state;
    assert_false(reads("\0\0\0\0\0\0\0\0", 8, 16, "revoke"));
    assert_false(reads("\x80\0\0\0\0\0\0\1", 8, 16, "revoke"));
    assert_false(reads("\xff\xff\xff\xff\xff\xff\xff\xff", 8, 16, "revoke"));
}

static void page_is_full_with_its_last_row_or_its_last_large_one(void **state)
{
    static const char digests[QUERY_LARGE_BYTES + 32];
    PGresult *r = page_of((struct slice){ serial_7, 8 }, (struct slice){ nonce, 16 },
                          slice_of("revoke"), (struct slice){ NULL, 0 });

    (void)state;
    for (int i = 1; i < QUERY_LARGE_MOST; i++) {
        assert_true(PQsetvalue(r, i, 3, (char *)(uintptr_t)digests, sizeof(digests)));
        assert_false(page_is_full(r, 100));
        assert_true(page_is_full(r, i + 1));
    }
    assert_true(PQsetvalue(r, 16, 3, (char *)(uintptr_t)digests, QUERY_LARGE_BYTES));
    assert_false(page_is_full(r, 100));
    assert_true(PQsetvalue(r, 17, 3, (char *)(uintptr_t)digests, sizeof(digests)));
    assert_true(page_is_full(r, 100));
    assert_true(page_is_answer(r, 18) && !page_is_answer(r, 17));
    PQclear(r);
}

static void few_or_many_are_asked_for(void **state)
{
    struct page_question q;

    (void)state;
    page_ask(&q, INT64_MAX, 0);
    assert_int_equal(q.query, QUERY_FEED);
    assert_string_equal(q.parameters[0], "9223372036854775807");
    assert_string_equal(q.parameters[1], "17");
    page_ask(&q, 1, 5001);
    assert_int_equal(q.query, QUERY_FEED_MANY);
    assert_string_equal(q.parameters[1], "5001");
    assert_int_equal(q.rows, 5001);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(row_is_read_if_each_value_has_the_length_of_its_type),
        cmocka_unit_test(serial_that_is_zero_or_below_is_none),
        cmocka_unit_test(page_is_full_with_its_last_row_or_its_last_large_one),
        cmocka_unit_test(few_or_many_are_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
