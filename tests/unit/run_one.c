/* SPDX-License-Identifier: Apache-2.0 */
/* Comes before cmocka's runner in each unit test, so that pytest can run one test at a time:
 *
 *     JETON_UNIT_TEST=list       the names of the tests, one a line; none is run
 *     JETON_UNIT_TEST=N          only the Nth of them is run, counted from 0
 *
 * Linked with -Wl,--wrap=_cmocka_run_group_tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

int __real__cmocka_run_group_tests(const char *name, const struct CMUnitTest *const tests,
                                   const size_t count, CMFixtureFunction setup,
                                   CMFixtureFunction teardown);
int __wrap__cmocka_run_group_tests(const char *name, const struct CMUnitTest *const tests,
                                   const size_t count, CMFixtureFunction setup,
                                   CMFixtureFunction teardown);

int __wrap__cmocka_run_group_tests(const char *name, const struct CMUnitTest *const tests,
                                   const size_t count, CMFixtureFunction setup,
                                   CMFixtureFunction teardown)
{
    const char *wanted = getenv("JETON_UNIT_TEST");

    if (wanted == NULL)
        return __real__cmocka_run_group_tests(name, tests, count, setup, teardown);
    if (strcmp(wanted, "list") == 0) {
        for (size_t i = 0; i < count; i++)
            puts(tests[i].name);
        return 0;
    }
    size_t number = strtoul(wanted, NULL, 10);
    if (number >= count) {
        fprintf(stderr, "JETON_UNIT_TEST=%s: there are %zu tests\n", wanted, count);
        return 1;
    }
    return __real__cmocka_run_group_tests(name, tests + number, 1, setup, teardown);
}
