/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>

#include "proto/text.h"

/* Try numbers around each power of ten, and of two. */
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

/* Write every byte at every position of some, with others before it, and nothing beyond them. */
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

static void hex_has_hex_digits_only(void **state)
{
    (void)state;
    static const char digits[] = "0123456789abcdefABCDEF";
    char text[] = "0123456789abcdefABCDEF9876543210fedcbaFE"; /* 16 at a time, and some more */
    uint8_t bytes[20];

    assert_true(hex_parse((struct slice){ text, 40 }, bytes, 20));
    assert_memory_equal(bytes,
                        "\x01\x23\x45\x67\x89\xab\xcd\xef\xab\xcd\xef\x98\x76\x54\x32\x10\xfe\xdc"
                        "\xba\xfe",
                        20);
    assert_false(hex_parse((struct slice){ text, 39 }, bytes, 20));
    assert_false(hex_parse((struct slice){ text, 40 }, bytes, 19));
    for (size_t at = 0; at < 40; at++) {
        char kept = text[at];
        for (int byte = 0; byte < 256; byte++) {
            const char *digit = memchr(digits, byte, sizeof(digits) - 1);
            text[at] = (char)byte;
            assert_int_equal(hex_parse((struct slice){ text, 40 }, bytes, 20), digit != NULL);
            if (digit != NULL)
                assert_int_equal(at % 2 == 0 ? bytes[at / 2] >> 4 : bytes[at / 2] & 15,
                                 digit - digits < 16 ? digit - digits : digit - digits - 6);
        }
        text[at] = kept;
    }
}

static void utf8_is_checked_behind_long_characters_too(void **state)
{
    (void)state;
    assert_true(utf8_valid(slice_of("a\xc3\xa4z\xe2\x82\xac.\xf0\x9f\x94\x91")));
    assert_false(utf8_valid(slice_of("\xc3\xa4z\xff")));
    assert_false(utf8_valid(slice_of("\xe2\x82\xac"
                                     "a\x80")));
    assert_false(utf8_valid(slice_of("\xf0\x9f\x94\x91"
                                     "ab\xc3")));
}

static void a_number_is_decimal_and_at_most_its_maximum(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t max;
        bool valid;
        uint64_t number;
    } cases[] = {
        { "0", 0, true, 0 },
        { "1", 0, false, 0 },
        { "007", 7, true, 7 },
        { "8", 7, false, 0 },
        { "10", 9, false, 0 },
        { "4294967295", UINT32_MAX, true, UINT32_MAX },
        { "4294967296", UINT32_MAX, false, 0 },
        { "18446744073709551615", UINT64_MAX, true, UINT64_MAX },
        { "18446744073709551616", UINT64_MAX, false, 0 },
        { "36893488147419103233", UINT64_MAX, false, 0 }, /* 2^65 + 1 */
        { "99999999999999999999", UINT64_MAX, false, 0 },
        { "", UINT64_MAX, false, 0 },
        { "-1", UINT64_MAX, false, 0 },
        { "+1", UINT64_MAX, false, 0 },
        { " 1", UINT64_MAX, false, 0 },
        { "1 ", UINT64_MAX, false, 0 },
        { "0x1", UINT64_MAX, false, 0 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t number = 0;
        assert_int_equal(number_parse(slice_of(cases[i].text), cases[i].max, &number),
                         cases[i].valid);
        assert_true(number == cases[i].number);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_has_the_digits_that_printf_gives_it),
        cmocka_unit_test(hex_has_two_digits_of_every_byte),
        cmocka_unit_test(hex_that_does_not_fit_is_left_out),
        cmocka_unit_test(hex_has_hex_digits_only),
        cmocka_unit_test(utf8_is_checked_behind_long_characters_too),
        cmocka_unit_test(a_number_is_decimal_and_at_most_its_maximum),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
