/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "daemon/base/iobuf.h"
#include "daemon/base/sanitizer.h"
#include "daemon/base/secmem.h"

static void put(struct iobuf *b, const char *bytes, size_t len)
{
    char *to = iobuf_reserve(b, len);

    assert_non_null(to);
    memcpy(to, bytes, len);
    iobuf_commit(b, len);
}

static void an_empty_buffer_has_no_memory(void **state)
{
    (void)state;
    struct iobuf b = { .bytes = NULL };

    iobuf_consume(&b, 0);
    assert_null(b.bytes);
    put(&b, "abc", 3);
    iobuf_consume(&b, 2);
    assert_non_null(b.bytes);
    iobuf_consume(&b, 1);
    assert_null(b.bytes);
    assert_int_equal(iobuf_len(&b), 0);
}

/* Reserving nothing must not return NULL, which would mean that there is no memory. */
static void reserving_nothing_does_not_fail(void **state)
{
    (void)state;
    struct iobuf b = { .bytes = NULL };

    assert_non_null(iobuf_reserve(&b, 0));
    iobuf_free(&b);
}

static void what_was_put_in_comes_out_while_it_moves_and_grows(void **state)
{
    (void)state;
    struct iobuf b = { .bytes = NULL };
    char piece[7000];
    unsigned in = 0, out = 0;

    for (int round = 0; round < 200; round++) {
        for (size_t i = 0; i < sizeof(piece); i++)
            piece[i] = (char)(in++ % 251);
        put(&b, piece, sizeof(piece));
        for (size_t left = round % 5 * 2100; left > 0 && iobuf_len(&b) > 0; left--) {
            assert_int_equal((unsigned char)*iobuf_front(&b), out++ % 251);
            iobuf_consume(&b, 1);
        }
    }
    assert_int_equal(iobuf_len(&b), in - out);
    for (size_t i = 0; i < iobuf_len(&b); i++)
        assert_int_equal((unsigned char)iobuf_front(&b)[i], (out + i) % 251);
    iobuf_free(&b);
}

/* secmem_new() reuses the block that was freed last, so the test can inspect it. */
static void what_is_consumed_is_wiped(void **state)
{
    (void)state;
    static const char value[] = "a token's value, which is a secret";
    struct iobuf b = { .bytes = NULL };

    put(&b, value, sizeof(value));
    put(&b, "next", 4);
    char *bytes = b.bytes;
    iobuf_consume(&b, sizeof(value));
    for (size_t i = 0; i < sizeof(value); i++)
        assert_int_equal(bytes[i], 0);
    put(&b, value, sizeof(value));
    iobuf_consume(&b, iobuf_len(&b));
    if (JETON_SANITIZED)
        return;
    char *again = secmem_new(IOBUF_SIZE);
    assert_ptr_equal(again, bytes);
    assert_null(memmem(again, IOBUF_SIZE, value, sizeof(value)));
    assert_null(memmem(again, IOBUF_SIZE, "secret", 6));
    secmem_free(again, IOBUF_SIZE);
}

/* Ask for more memory than any machine has. */
static void nothing_is_added_once_there_was_no_memory(void **state)
{
    (void)state;
    struct iobuf b = { .bytes = NULL };

    if (JETON_SANITIZED)
        return; /* a sanitizer ends a process that asks for so much */
    put(&b, "abc", 3);
    assert_null(iobuf_reserve(&b, (size_t)1 << 46));
    assert_true(b.cut);
    assert_null(iobuf_reserve(&b, 1));
    assert_memory_equal(iobuf_front(&b), "abc", 3);
    iobuf_consume(&b, 3);
    assert_null(iobuf_reserve(&b, 1));
    iobuf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_buffer_has_no_memory),
        cmocka_unit_test(reserving_nothing_does_not_fail),
        cmocka_unit_test(what_was_put_in_comes_out_while_it_moves_and_grows),
        cmocka_unit_test(what_is_consumed_is_wiped),
        cmocka_unit_test(nothing_is_added_once_there_was_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
