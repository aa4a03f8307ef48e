/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "plugin/fleet/bisection.h"

/* Each number of places, and each newest common one among them. */
static void newest_common_place_is_found_in_few_questions(void **state)
{
    (void)state;
    for (size_t count = 1; count <= 300; count++)
        for (size_t common = 0; common < count; common++) {
            struct bisection b = bisection_begin(count);
            unsigned asked = 0;
            while (!bisection_is_over(&b)) {
                const size_t next = bisection_next(&b);
                assert_true(next < count);
                bisection_take(&b, next >= common);
                assert_true(++asked <= 9);
            }
            assert_int_equal(b.common, common);
        }
}

/* Answers that contradict each other end it as well, at one of the places. */
static void answers_that_make_no_sense_end_it(void **state)
{
    (void)state;
    for (unsigned answers = 0; answers < 1024; answers++) {
        struct bisection b = bisection_begin(1000);
        for (unsigned i = 0; !bisection_is_over(&b); i++) {
            assert_true(i < 11);
            bisection_take(&b, (answers >> i & 1) != 0);
        }
        assert_true(b.common < 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(newest_common_place_is_found_in_few_questions),
        cmocka_unit_test(answers_that_make_no_sense_end_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
