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

static struct record numbered(unsigned number)
{
    struct record r = { .serial = number + 1, .created = 1, .expires = TIME_NEVER };
    uint32_t bits = number * 2654435769U; /* digests that begin alike are frequent */

    memset(r.digest, 0, sizeof(r.digest));
    memcpy(r.digest, &bits, sizeof(bits));
    memcpy(r.digest + 4, &number, sizeof(number));
    r.digest[0] &= 0xf8;
    return r;
}

static enum table_found look(const struct generation *g, unsigned number)
{
    struct record r = numbered(number);
    struct table_entry entry;

    return table_find(&g->table, r.digest, &entry);
}

static void forget(struct generation *g, unsigned number)
{
    struct record r = numbered(number);
    struct place place = generation_place(g, r.digest);
    struct slot_values v = generation_read(g, place.slot);

    assert_true(place.found);
    v.flags = SLOT_TOMBSTONE;
    generation_write(g, place, &v);
}

/* Fill 70 of a hundred slots, of which runs are long and wrap round; then others take the places of
 * some. */
static void fill_and_look(uint32_t slots, uint32_t layout)
{
    struct generation *g = generation_new("jtn", 1, slots, 4096), *copy;
    unsigned tokens = 0;

    assert_non_null(g);
    assert_int_equal(g->header->layout, layout);
    for (; generation_can_add(g, 1, 0); tokens++) {
        struct record r = numbered(tokens);
        generation_put(g, &r);
        assert_int_equal(look(g, tokens + 1), TABLE_MISS);
    }
    assert_int_equal(tokens, slots * TABLE_LOAD_MAX / 100);
    for (unsigned i = 0; i < tokens; i += 3) {
        struct record r = numbered(tokens + i);
        forget(g, i);
        generation_put(g, &r);
    }
    copy = generation_new("jtn", 2, slots + 64, 4096);
    assert_non_null(copy);
    generation_copy(copy, g, false);
    for (unsigned i = 0; i < 2 * tokens; i++) {
        bool there = i < tokens ? i % 3 != 0 : (i - tokens) % 3 == 0;
        assert_int_equal(look(g, i), there ? TABLE_HIT : TABLE_MISS);
        assert_int_equal(look(copy, i), there ? TABLE_HIT : TABLE_MISS);
    }
    generation_free(copy);
    generation_free(g);
}

static void tables_of_any_size_find_what_they_have_and_nothing_else(void **state)
{
    (void)state;
    fill_and_look(64, TABLE_LAYOUT);
    fill_and_look(256, TABLE_LAYOUT);
    fill_and_look(192, TABLE_LAYOUT_ANY_SIZE);
    fill_and_look(1088, TABLE_LAYOUT_ANY_SIZE);
    fill_and_look(4160, TABLE_LAYOUT_ANY_SIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_that_look_alike_are_not_all_in_one_place),
        cmocka_unit_test(tables_of_any_size_find_what_they_have_and_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
