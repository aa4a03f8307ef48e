/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>

#include "proto/text.h"

/* Around each power of ten, and of two. */
static void a_number_has_the_digits_that_printf_gives_it(void **state)
{
    (void)state;
    uint64_t power[84], ten = 1;
    size_t powers = 0;

    for (int i = 0; i < 20; i++, ten *= 10)
        power[powers++] = ten;
    for (int i = 0; i < 64; i++)
        power[powers++] = UINT64_C(1) << i;
    for (size_t i = 0; i < powers; i++) {
        for (uint64_t number = power[i] - 3; number != power[i] + 3; number++) {
            char made[32], meant[32];
            struct text t = text_in(made, sizeof(made));
            text_add_u64(&t, number);
            sprintf(meant, "%" PRIu64, number);
            assert_true(slice_is(text_slice(&t), meant));
        }
    }
}

/* Every byte at every place of some, behind others, and nothing beyond them. */
static void hex_has_two_digits_of_every_byte(void **state)
{
    (void)state;
    enum { MOST = 35 };
    uint8_t bytes[MOST];

    for (int shift = 0; shift < 256; shift++) {
        for (size_t len = 0; len <= MOST; len++) {
            char made[2 * MOST + 8], meant[2 * MOST + 8] = "=";
            memset(made, '.', sizeof(made));
            struct text t = text_in(made, 1 + 2 * len);
            text_addc(&t, '=');
            for (size_t i = 0; i < len; i++) {
                bytes[i] = (uint8_t)(7 * i + (size_t)shift);
                sprintf(meant + 1 + 2 * i, "%02x", bytes[i]);
            }
            text_add_hex(&t, bytes, len);
            assert_false(t.cut);
            assert_true(slice_is(text_slice(&t), meant));
            assert_int_equal(made[t.len], '.');
        }
    }
}

static void hex_that_does_not_fit_is_left_out(void **state)
{
    (void)state;
    const uint8_t bytes[16] = { 0xab };

    for (size_t len = 1; len <= sizeof(bytes); len++) {
        char made[2 * sizeof(bytes)];
        struct text t = text_in(made, 2 * len - 1);
        text_add_hex(&t, bytes, len);
        assert_true(t.cut);
        assert_int_equal(t.len, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_has_the_digits_that_printf_gives_it),
        cmocka_unit_test(hex_has_two_digits_of_every_byte),
        cmocka_unit_test(hex_that_does_not_fit_is_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
