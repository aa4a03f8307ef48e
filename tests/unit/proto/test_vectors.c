/* SPDX-License-Identifier: Apache-2.0 */
/* The vectors that other implementations are checked against say what proto/ does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sodium.h>

#include "tests/vectors/vectors.h"

enum { KINDS = 7, EACH_LEAST = 3 };

static char input[VECTOR_MEANING_MAX], expected[VECTOR_MEANING_MAX], meaning[VECTOR_MEANING_MAX];

static void each_vector_means_what_it_says(void **state)
{
    (void)state;
    static const char *const kinds[KINDS] = { "read",     "write", "request", "time",
                                              "duration", "value", "digest" };
    size_t checked[KINDS] = { 0 };
    FILE *file = fopen("tests/vectors/lines.txt", "r");

    assert_non_null(file);
    while (vector_next(file, input)) {
        if (input[0] == '#' || input[0] == '\0')
            continue;
        assert_true(vector_next(file, expected) && strncmp(expected, "is: ", 4) == 0);
        for (size_t i = 0; i < KINDS; i++)
            checked[i] += slice_begins(slice_of(input), kinds[i]);
        print_message("%s\n", input);
        assert_true(vector_meaning(input, meaning));
        assert_string_equal(expected + 4, meaning);
    }
    fclose(file);
    for (size_t i = 0; i < KINDS; i++)
        assert_true(checked[i] >= EACH_LEAST);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(each_vector_means_what_it_says) };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
