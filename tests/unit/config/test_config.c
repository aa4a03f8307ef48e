/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/support/config_text.h"

static struct config config;
static struct problem problem;

static bool read_text_as_file(const char *text)
{
    config_defaults(&config);
    return read_config_text(&config, text, &problem);
}

static void a_file_overrides_defaults_and_set_overrides_the_file(void **state)
{
    (void)state;
    assert_true(read_text_as_file("# comment\n[daemon]\nworkers = 3 ; inline\nretention=12h\n\n"
                                  "[admin]\npath=/a.sock\npath=/b.sock\nmode=0600\n"
                                  "[verify]\ntable_group=\n"));
    assert_int_equal(config.workers, 3);
    assert_int_equal(config.retention, 12 * 3600);
    assert_int_equal(config.role[ROLE_ADMIN].paths, 2);
    assert_string_equal(config.role[ROLE_ADMIN].path[1], "/b.sock");
    assert_int_equal(config.role[ROLE_ADMIN].mode, 0600);
    assert_string_equal(config.table_group, "");
    assert_string_equal(config.role[ROLE_VERIFY].path[0], "/run/jeton/verify.sock");
    assert_true(config_set(&config, "daemon.workers=1", &problem));
    assert_int_equal(config.workers, 1);
    assert_true(config_set(&config, "admin.path=/c.sock", &problem));
    assert_int_equal(config.role[ROLE_ADMIN].paths, 1);
}

static void every_mistake_names_its_line_and_what_is_right(void **state)
{
    (void)state;
    static const struct {
        const char *text, *line, *word;
    } cases[] = {
        { "[daemon]\nwokers=1\n", ":2: ", "has no key wokers" },
        { "workers=1\n", ":1: ", "workers: a key must stand below its [section]" },
        { "[demon]\nworkers=1\n", ":2: ", "no section [demon]" },
        { "[daemon]\n\nworkers=many\n", ":3: ", "a number from 0" },
        { "[daemon]\nworkers=65\n", ":2: ", "a number from 0" },
        { "[daemon]\nretention=30\n", ":2: ", "a duration such as" },
        { "[daemon]\nworkers=1\nworkers=2\n", ":3: ", "given twice" },
        { "[daemon]\nprefix=JTN\n", ":2: ", "lower-case" },
        { "[daemon]\nstore=tokens.tdb\n", ":2: ", "an absolute path" },
        { "[admin]\nmode=0888\n", ":2: ", "an octal mode" },
        { "[daemon]\nworkers\n", ":2: ", "key = value" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_false(read_text_as_file(cases[i].text));
        assert_non_null(strstr(problem.message, cases[i].line));
        assert_non_null(strstr(problem.message, cases[i].word));
    }
}

static void an_overlong_line_is_refused_not_cut(void **state)
{
    (void)state;
    char text[2000] = "[daemon]\nstore=/";

    memset(text + strlen(text), 'a', 1500);
    strcat(text, "\n");
    assert_false(read_text_as_file(text));
    assert_non_null(strstr(problem.message, "too long"));
}

static void set_needs_section_key_and_value(void **state)
{
    (void)state;
    static const char *const bad[] = { "", "daemon", "daemon.workers", "workers=1", "daemon.x=1" };

    config_defaults(&config);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(config_set(&config, bad[i], &problem));
    assert_true(config_set(&config, "observe.path=", &problem));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_overrides_defaults_and_set_overrides_the_file),
        cmocka_unit_test(every_mistake_names_its_line_and_what_is_right),
        cmocka_unit_test(an_overlong_line_is_refused_not_cut),
        cmocka_unit_test(set_needs_section_key_and_value),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
