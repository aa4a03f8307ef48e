/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "daemon/table/generation.h"

enum { ALIKE = 1 << 14 };

/* Return the longest run of used slots after interning strings that fill half of the table. */
static unsigned longest_run(void (*make)(unsigned number, char *string, size_t size))
{
    struct generation *g = generation_new("jtn", 1, ALIKE, 64 * ALIKE);
    unsigned longest = 0, run = 0;
    char string[64];

    assert_non_null(g);
    assert_true(string_table_reserve(&g->strings, &g->table, ALIKE));
    assert_int_equal(g->strings.mask, 2 * ALIKE - 1);
    for (unsigned i = 0; i < ALIKE; i++) {
        make(i, string, sizeof(string));
        assert_true(string_table_intern(&g->strings, &g->table, slice_of(string)) != 0);
    }
    assert_int_equal(g->strings.count, ALIKE);
    for (uint32_t i = 0; i <= g->strings.mask; i++) {
        run = g->strings.slot[i] != 0 ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    generation_free(g);
    return longest;
}

static void padded(unsigned number, char *string, size_t size)
{
    snprintf(string, size, "%08u", number);
}

static void long_padded(unsigned number, char *string, size_t size)
{
    snprintf(string, size, "%016x", number);
}

static void twice(unsigned number, char *string, size_t size)
{
    snprintf(string, size, "%04x%04x", number, number);
}

static void twice_in_the_middle(unsigned number, char *string, size_t size)
{
    char high = (char)('!' + number / 128 % 128 % 94), low = (char)(1 + number % 128);

    snprintf(string, size, "%02x%c%c%02x%c%c", number / 94 / 128, high, low, number >> 7, high,
             low);
}

static void behind_the_same(unsigned number, char *string, size_t size)
{
    snprintf(string, size, "the-same-for-all-%u", number);
}

/* With random strings runs are up to some fifty slots long; a lookup may visit a whole run. */
static void strings_that_look_alike_are_not_all_in_one_place(void **state)
{
    (void)state;
    assert_in_range(longest_run(padded), 2, 200);
    assert_in_range(longest_run(long_padded), 2, 200);
    assert_in_range(longest_run(twice), 2, 200);
    assert_in_range(longest_run(twice_in_the_middle), 2, 200);
    assert_in_range(longest_run(behind_the_same), 2, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_that_look_alike_are_not_all_in_one_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
