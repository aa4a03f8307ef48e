/* SPDX-License-Identifier: Apache-2.0 */
/* Random lives of a fleet's cache, compared with a model after each step and after each restart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "tests/unit/support/crash_disk.h" /* which syncs nothing */
#include "tests/unit/support/fleet_life.h"

enum { LIVES = 12, STEPS = 250 };

static void a_cache_is_as_its_model_at_each_step(void **state)
{
    char command[160];

    (void)state;
    for (uint32_t seed = 0; seed < LIVES; seed++) {
        snprintf(command, sizeof(command), "rm -f %s.fleet*", path);
        assert_int_equal(system(command), 0);
        life_begin(path, seed);
        for (int step = 0; step < STEPS; step++) {
            if (!life_step())
                fail_msg("%s", problem.message);
            if (life.doubt)
                fail_msg("seed %u, step %d: %s", seed, step,
                         fleet_cache_problem(life.cache)->message);
            if (life.cache != NULL && !life_equal(life.cache, &life.is))
                fail_msg("seed %u, step %d: it differs", seed, step);
        }
        life_close();
        assert_int_equal(life_open(), 0);
        assert_true(life_equal(life.cache, &life.is));
        assert_true(life.is.places > 0);
        life_close();
    }
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_cache_is_as_its_model_at_each_step),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
