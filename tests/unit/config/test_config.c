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

static void a_size_is_in_bytes_or_in_a_unit(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t bytes;
    } cases[] = {
        { "daemon.log_size=1048577", 1048577 },
        { "daemon.log_size=2000K", 2048000 },
        { "daemon.log_size=512M", 512 << 20 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_true(config_set(&config, cases[i].text, &problem));
        assert_int_equal(config.log_size, cases[i].bytes);
    }
}

static void every_mistake_names_its_line_and_what_is_right(void **state)
{
    (void)state;
    static const struct {
        const char *text, *line, *word;
    } cases[] = {
        { "[daemon]\nwokers=1\n", ":2: ", "has no key wokers" },
        { "workers=1\n", ":1: ", "workers: a key must stand below its [section]" },
        { "[demon]\nworkers=1\n", ":1: ", "no section [demon]" },
        { "[daemon]\n\nworkers=many\n", ":3: ", "a number from 0" },
        { "[daemon]\nworkers=65\n", ":2: ", "a number from 0" },
        { "[daemon]\nlog_size=1023K\n", ":2: ", "1M to 512M" },
        { "[daemon]\nlog_size=1G\n", ":2: ", "1M to 512M" },
        { "[daemon]\nlog_size=M\n", ":2: ", "1M to 512M" },
        { "[daemon]\nlog_size=8m\n", ":2: ", "1M to 512M" },
        { "[daemon]\nlog_size=18446744073709551615M\n", ":2: ", "1M to 512M" },
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

/* Check the lines of all faults, in order; 0 ends them. */
static void faults_are_in_lines(const char *text, const unsigned *lines)
{
    char where[32];
    size_t count = 0;

    assert_false(read_text_as_file(text));
    for (; lines[count] != 0; count++) {
        assert_true(count < config_faults.count);
        snprintf(where, sizeof(where), ":%u: ", lines[count]);
        if (strstr(config_faults.fault[count].message, where) == NULL)
            fail_msg("fault %zu is not in line %u: %s", count, lines[count],
                     config_faults.fault[count].message);
    }
    assert_int_equal(config_faults.count, count);
}

static void all_faults_of_a_file_are_reported(void **state)
{
    (void)state;
    faults_are_in_lines("[daemon]\nwokers=1\nretention=30\njust words\n[open\nx=1\n\n[admin]\n"
                        "mode=9999\ngroup=g\n[nowhere]\na=1\nb=2\n[service a]\nrequired\n"
                        "  more=1\nsometimes=local\n  x=1\n[service b]\n[daemon]\nworkers=1\n",
                        (unsigned[]){ 2, 3, 4, 5, 9, 11, 15, 17, 19, 20, 0 });
    assert_int_equal(config.workers, 1);
    assert_string_equal(config.role[ROLE_ADMIN].group, "g");
    assert_true(config_key_refused(&config, "daemon", "retention"));
    assert_false(config_key_refused(&config, "daemon", "workers"));
}

static void a_section_is_known_and_begins_once(void **state)
{
    (void)state;
    faults_are_in_lines("[nothing]\n", (unsigned[]){ 1, 0 });
    faults_are_in_lines("[daemon]\nworkers=1\n[admin]\n[daemon]\nprefix=x\n", (unsigned[]){ 4, 0 });
    faults_are_in_lines("[service a]\nrequired=local\n[service  a]\nrequired=local\n",
                        (unsigned[]){ 3, 0 });
    faults_are_in_lines("[daemon] workers=1\n", (unsigned[]){ 1, 0 });
    assert_true(read_text_as_file("[daemon] ; comment\nworkers=1\n[admin]\n[service a]  \n"
                                  "required=local\n"));
}

static void a_key_before_any_section_is_refused_each_time(void **state)
{
    (void)state;
    faults_are_in_lines("workers=1\n# comment\nretention=1d\n[daemon]\nworkers=2\n",
                        (unsigned[]){ 1, 3, 0 });
    assert_non_null(strstr(problem.message, "a key must stand below its [section]"));
}

static void an_indented_key_is_no_second_value_of_the_one_before(void **state)
{
    (void)state;
    faults_are_in_lines("[admin]\n  path=/a\n  mode=0600\n", (unsigned[]){ 3, 0 });
    assert_non_null(strstr(problem.message, "begins with a space"));
    assert_int_equal(config.role[ROLE_ADMIN].paths, 1);
}

static void a_nul_byte_is_refused_not_the_end_of_the_line(void **state)
{
    char path[] = "/tmp/jeton-config-XXXXXX";
    static const char text[] = "[daemon]\nworkers=1\0 and more\nretention=1d\n";
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0 && write(fd, text, sizeof(text) - 1) == (ssize_t)sizeof(text) - 1);
    close(fd);
    config_defaults(&config);
    config_faults.count = 0;
    assert_false(config_file_read(&config, path, &config_faults));
    unlink(path);
    assert_int_equal(config_faults.count, 1);
    assert_non_null(strstr(config_faults.fault[0].message, ":2: "));
    assert_non_null(strstr(config_faults.fault[0].message, "NUL"));
    assert_int_equal(config.retention, 86400);
}

static void only_keys_that_differ_and_need_a_restart_are_named(void **state)
{
    static struct config before;
    char buffer[512];
    struct text names = text_in(buffer, sizeof(buffer) - 1);

    (void)state;
    assert_true(read_text_as_file("[daemon]\nstore=/a/longer/path\nworkers=2\n"));
    before = config;
    assert_true(read_text_as_file("[daemon]\nstore=/b\nworkers=2\nretention=1d\n"
                                  "[admin]\nmode=0600\n[observe]\npath=/o\n"));
    config_restart_keys(&before, &config, &names);
    buffer[names.len] = '\0';
    assert_string_equal(buffer, "[daemon] store, [admin] mode, [observe] path");
    names.len = 0;
    config_given_keys(&config, 1u << ROLE_ADMIN | 1u << ROLE_VERIFY, &names);
    buffer[names.len] = '\0';
    assert_string_equal(buffer, "[admin] mode");
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
        cmocka_unit_test(a_size_is_in_bytes_or_in_a_unit),
        cmocka_unit_test(every_mistake_names_its_line_and_what_is_right),
        cmocka_unit_test(all_faults_of_a_file_are_reported),
        cmocka_unit_test(a_section_is_known_and_begins_once),
        cmocka_unit_test(a_key_before_any_section_is_refused_each_time),
        cmocka_unit_test(an_indented_key_is_no_second_value_of_the_one_before),
        cmocka_unit_test(a_nul_byte_is_refused_not_the_end_of_the_line),
        cmocka_unit_test(only_keys_that_differ_and_need_a_restart_are_named),
        cmocka_unit_test(an_overlong_line_is_refused_not_cut),
        cmocka_unit_test(set_needs_section_key_and_value),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
