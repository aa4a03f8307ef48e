/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/support/verifier_modules.h"

#include "daemon/verify/module.h"

static struct problem problem;

static void is_loaded_as(const char *name, const char *called)
{
    void *handle;
    const struct jeton_verifier *v = module_load(directory, name, &handle, &problem);

    if (v == NULL)
        fail_msg("%s", problem.message);
    assert_non_null(handle);
    assert_string_equal(v->name, called);
    module_unload(handle);
}

static void is_refused(const char *name, const char *word)
{
    void *handle = &problem;

    memset(&problem, 0, sizeof(problem));
    assert_null(module_load(directory, name, &handle, &problem));
    assert_null(handle);
    assert_int_equal(problem.status, STATUS_BAD_VALUE);
    if (strncmp(problem.message, "verifier ", 9) != 0 || strstr(problem.message, word) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", problem.message, word);
}

static void a_verifier_is_found_by_name_and_by_path(void **state)
{
    (void)state;
    bring("unit_plain");
    is_loaded_as("unit_plain", "unit-plain");
    is_loaded_as("unit_plain.so", "unit-plain");
    is_loaded_as(in_directory("unit_plain.so"), "unit-plain");
    assert_int_equal(rename(in_directory("unit_plain.so"), in_directory("odd.name")), 0);
    is_loaded_as(in_directory("odd.name"), "unit-plain");
    is_refused("odd.name", "No such file"); /* in the directory it is odd.name.so */
}

static void nothing_is_loaded_from_where_we_happen_to_be(void **state)
{
    (void)state;
    char before[PATH_MAX];

    bring("unit_plain");
    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(directory), 0);
    is_refused("./unit_plain.so", "an absolute path");
    is_refused("sub/unit_plain", "an absolute path");
    is_refused("../unit_plain", "an absolute path");
    assert_int_equal(chdir(before), 0);
}

static void what_is_not_there_is_named(void **state)
{
    (void)state;
    is_refused("nothing", "No such file");
    assert_non_null(strstr(problem.message, in_directory("nothing.so")));
    is_refused("/nonexistent/verifier.so", "No such file");
    is_refused("", "No such file");
}

static void an_endless_path_is_refused(void **state)
{
    (void)state;
    static char name[PATH_MAX + 10];

    memset(name, 'a', sizeof(name) - 1);
    is_refused(name, "too long");
    name[0] = '/';
    is_refused(name, "too long");
}

/* -- who may write ----------------------------------------------------------------------------- */

static void a_file_that_others_may_write_is_refused(void **state)
{
    (void)state;
    static const mode_t modes[] = { 0664, 0646, 0666, 0620, 0602, 01666 };

    bring("unit_plain");
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        assert_int_equal(chmod(in_directory("unit_plain.so"), modes[i]), 0);
        is_refused("unit_plain", "chmod go-w");
        assert_non_null(strstr(problem.message, in_directory("unit_plain.so")));
    }
    assert_int_equal(chmod(in_directory("unit_plain.so"), 0444), 0);
    is_loaded_as("unit_plain", "unit-plain");
}

static void a_directory_that_others_may_write_is_refused(void **state)
{
    (void)state;
    bring("unit_plain");
    assert_int_equal(chmod(directory, 0775), 0);
    is_refused("unit_plain", "chmod go-w");
    assert_int_equal(chmod(directory, 0757), 0);
    is_refused(in_directory("unit_plain.so"), "chmod go-w");
    assert_int_equal(chmod(directory, 01777), 0);
    is_refused("unit_plain", "chmod go-w");
}

static void a_directory_further_up_may_be_sticky(void **state)
{
    (void)state;
    bring("unit_plain");
    assert_int_equal(mkdir(in_directory("sub"), 0755), 0);
    assert_int_equal(rename(in_directory("unit_plain.so"), in_directory("sub/v.so")), 0);
    assert_int_equal(chmod(directory, 01777), 0);
    is_loaded_as(in_directory("sub/v.so"), "unit-plain");
    assert_int_equal(chmod(directory, 0777), 0);
    is_refused(in_directory("sub/v.so"), "chmod go-w");
    unlink(in_directory("sub/v.so"));
}

static void every_directory_above_counts(void **state)
{
    (void)state;
    bring("unit_plain");
    assert_int_equal(mkdir(in_directory("sub"), 0755), 0);
    assert_int_equal(rename(in_directory("unit_plain.so"), in_directory("sub/v.so")), 0);
    is_loaded_as(in_directory("sub/v.so"), "unit-plain");
    assert_int_equal(chmod(directory, 0777), 0);
    is_refused(in_directory("sub/v.so"), "chmod go-w");
    unlink(in_directory("sub/v.so"));
}

static void a_link_is_judged_by_where_it_leads(void **state)
{
    (void)state;
    bring("unit_plain");
    assert_int_equal(mkdir(in_directory("sub"), 0755), 0);
    assert_int_equal(rename(in_directory("unit_plain.so"), in_directory("sub/v.so")), 0);
    assert_int_equal(symlink("sub/v.so", in_directory("link.so")), 0);
    is_loaded_as("link", "unit-plain");
    assert_int_equal(chmod(in_directory("sub"), 0777), 0);
    is_refused("link", "chmod go-w");
    unlink(in_directory("sub/v.so"));
    is_refused("link", "No such file");
}

static void what_belongs_to_somebody_else_is_refused(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    bring("unit_plain");
    assert_int_equal(chown(in_directory("unit_plain.so"), 12345, 0), 0);
    is_refused("unit_plain", "chown root");
    assert_int_equal(chown(in_directory("unit_plain.so"), 0, 12345), 0);
    is_loaded_as("unit_plain", "unit-plain");
    assert_int_equal(chown(directory, 12345, 0), 0);
    is_refused("unit_plain", "chown root");
    assert_int_equal(chmod(directory, 01755), 0); /* sticky does not help against its owner */
    is_refused("unit_plain", "chown root");
}

static void what_is_no_file_is_refused(void **state)
{
    (void)state;
    assert_int_equal(mkdir(in_directory("v.so"), 0755), 0);
    is_refused("v", "no file");
    assert_int_equal(mkfifo(in_directory("fifo.so"), 0600), 0);
    is_refused("fifo", "no file");
    is_refused("/dev/null", "no file");
}

/* -- what is in it ----------------------------------------------------------------------------- */

static void what_is_no_shared_object_is_refused(void **state)
{
    (void)state;
    FILE *file = fopen(in_directory("text.so"), "we");

    fputs("#!/bin/sh\n", file);
    fchmod(fileno(file), 0755);
    fclose(file);
    is_refused("text", "text.so");
}

static void a_descriptor_that_is_wrong_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name, *word;
    } cases[] = {
        { "unit_nothing", "no symbol jeton_verifier" },
        { "unit_abi", "version 77 of <jeton/verifier.h>, and this jetond has version 1" },
        { "unit_flags", "flags that this jetond does not know" },
        { "unit_name", "its name should be 1 to 31 bytes out of a-z 0-9 -" },
        { "unit_noname", "its name should be" },
        { "unit_long", "its name should be" },
        { "unit_local", "its name is taken" },
        { "unit_incomplete", "has no open, verify or close" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bring(cases[i].name);
        is_refused(cases[i].name, cases[i].word);
        assert_non_null(strstr(problem.message, in_directory("")));
    }
}

static void the_flag_that_there_is_is_taken(void **state)
{
    (void)state;
    bring("unit_blocks");
    is_loaded_as("unit_blocks", "unit-blocks");
    module_unload(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)
        TEST(a_verifier_is_found_by_name_and_by_path),
        TEST(nothing_is_loaded_from_where_we_happen_to_be),
        TEST(what_is_not_there_is_named),
        TEST(an_endless_path_is_refused),
        TEST(a_file_that_others_may_write_is_refused),
        TEST(a_directory_that_others_may_write_is_refused),
        TEST(a_directory_further_up_may_be_sticky),
        TEST(every_directory_above_counts),
        TEST(a_link_is_judged_by_where_it_leads),
        TEST(what_belongs_to_somebody_else_is_refused),
        TEST(what_is_no_file_is_refused),
        TEST(what_is_no_shared_object_is_refused),
        TEST(a_descriptor_that_is_wrong_is_refused),
        TEST(the_flag_that_there_is_is_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
