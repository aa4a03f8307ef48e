/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/base/log_limit.h"

static void what_recurs_is_logged_once_and_counted(void **state)
{
    struct log_limit limit = { .until = 0 };
    char more[LOG_LIMIT_MORE];

    (void)state;
    assert_true(log_limit_passes(&limit, more));
    assert_string_equal(more, "");
    for (int i = 0; i < 1000; i++)
        assert_false(log_limit_passes(&limit, more));
    limit.until = 0; /* ten seconds later */
    assert_true(log_limit_passes(&limit, more));
    assert_string_equal(more, " (and 1000 more since the last such line)");
    limit.until = 0;
    assert_true(log_limit_passes(&limit, more));
    assert_string_equal(more, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_recurs_is_logged_once_and_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
