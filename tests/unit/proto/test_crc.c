/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/crc.h"

static uint32_t crc_bit_by_bit(struct slice bytes)
{
    uint32_t crc = 0xffffffff;

    for (size_t i = 0; i < bytes.len; i++) {
        crc ^= (uint8_t)bytes.at[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (UINT32_C(0xedb88320) & -(crc & 1));
    }
    return ~crc;
}

/* The check value of the catalogues of CRCs. */
static void it_is_the_crc_of_zlib(void **state)
{
    (void)state;
    assert_int_equal(crc_of(slice_of("123456789")), 0xcbf43926);
    assert_int_equal(crc_of(slice_of("")), 0);
}

/* Short ones, those that are computed at once, and longer ones. */
static void every_length_has_the_crc_of_the_definition(void **state)
{
    (void)state;
    char bytes[200];
    uint32_t random = 1;

    for (size_t len = 0; len <= sizeof(bytes); len++)
        for (int round = 0; round < 20; round++) {
            for (size_t i = 0; i < len; i++)
                bytes[i] = (char)((random = random * 1664525 + 1013904223) >> 24);
            struct slice all = { bytes, len };
            assert_int_equal(crc_of(all), crc_bit_by_bit(all));
        }
}

static void every_bit_counts(void **state)
{
    (void)state;
    char bytes[64] = { 0 };

    for (size_t len = 1; len <= sizeof(bytes); len++) {
        struct slice all = { bytes, len };
        uint32_t before = crc_of(all);
        for (size_t bit = 0; bit < 8 * len; bit++) {
            bytes[bit / 8] ^= (char)(1 << bit % 8);
            assert_int_not_equal(crc_of(all), before);
            assert_int_equal(crc_of(all), crc_bit_by_bit(all));
            bytes[bit / 8] ^= (char)(1 << bit % 8);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_the_crc_of_zlib),
        cmocka_unit_test(every_length_has_the_crc_of_the_definition),
        cmocka_unit_test(every_bit_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
