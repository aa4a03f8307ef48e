/* SPDX-License-Identifier: Apache-2.0 */
/* The stacks that the sections [service NAME] and --set result in, as text. */
#include "tests/unit/support/configured_stack.h"

static void lines_stand_in_their_order_with_their_numbers(void **state)
{
    (void)state;
    assert_true(read_text("[daemon]\nworkers=1\n[service git]\nrequisite = local\n\n"
                          "; a comment\nrequired=require scope=a\n[service api]\n"
                          "sufficient = local\noptional = throttle\n"));
    assert_int_equal(config.services.count, 2);
    assert_int_equal(section("git")->steps, 2);
    assert_int_equal(section("git")->step[0].control, CONTROL_REQUISITE);
    assert_int_equal(section("git")->step[0].line, 4);
    assert_int_equal(section("git")->step[1].control, CONTROL_REQUIRED);
    assert_int_equal(section("git")->step[1].line, 7);
    assert_string_equal(step_text("git", 0), "local");
    assert_string_equal(step_text("git", 1), "require scope=a");
    assert_int_equal(section("api")->step[0].control, CONTROL_SUFFICIENT);
    assert_int_equal(section("api")->step[1].control, CONTROL_OPTIONAL);
    assert_string_equal(step_text("api", 1), "throttle");
}

static void the_same_word_again_is_another_line(void **state)
{
    (void)state;
    assert_true(read_text("[service git]\nrequired = local\nrequired = local\n"
                          "required = throttle\n[service api]\nrequired=local\n"));
    assert_int_equal(config.services.count, 2);
    assert_int_equal(section("git")->steps, 3);
    assert_string_equal(step_text("git", 2), "throttle");
}

static void an_indented_line_goes_on_with_the_one_before(void **state)
{
    (void)state;
    assert_true(read_text("[service git]\nrequisite = local\nrequisite = require scope=a\n"
                          "   subject=alice\n\n  ; a comment\n\tissuer=\"a b\"\n"
                          "sufficient = local\n"));
    assert_int_equal(section("git")->steps, 3);
    assert_string_equal(step_text("git", 1), "require scope=a subject=alice issuer=\"a b\"");
    assert_int_equal(section("git")->step[1].line, 3);
    assert_string_equal(step_text("git", 2), "local");
    assert_int_equal(section("git")->step[2].line, 8);
}

static void comments_end_lines_and_what_goes_on_with_them(void **state)
{
    (void)state;
    assert_true(read_text("[service git]\nrequisite = require scope=a ; of all\n"
                          "   subject=alice ; and hers\nsufficient = local;local\n"));
    assert_string_equal(step_text("git", 0), "require scope=a subject=alice");
    assert_string_equal(step_text("git", 1), "local;local");
}

/* An indented first line begins a stack, whatever section was before. */
static void a_stack_never_goes_on_with_another(void **state)
{
    (void)state;
    assert_true(read_text("[service git]\n  requisite = local\n[service api]\n"
                          "  sufficient = local\n   x=y\n"));
    assert_int_equal(section("git")->steps, 1);
    assert_int_equal(section("api")->steps, 1);
    assert_string_equal(step_text("git", 0), "local");
    assert_string_equal(step_text("api", 0), "local x=y");
    assert_true(read_text("\xEF\xBB\xBF[service git]\n  requisite = local\n"));
    assert_string_equal(step_text("git", 0), "local");
}

static void an_indented_section_is_refused(void **state)
{
    (void)state;
    is_refused(" [service git]\n requisite = local\n", 1, "the start of its line");
    is_refused("[service git]\nrequired = local\n\t[service api]\nrequired = local\n", 3,
               "the start of its line");
    is_refused("[daemon]\n \f[service git]\nrequired = local\n", 2, "the start of its line");
}

static void a_service_without_a_verifier_is_refused(void **state)
{
    (void)state;
    is_refused("[service git]\n", 1, "this [service] has no verifier");
    is_refused("[service git]\n[daemon]\nworkers=1\n", 1, "no verifier");
    is_refused("[daemon]\nworkers=1\n[service git]\n; sufficient = local\n", 3, "no verifier");
    is_refused("[service git]\n[service api]\nrequired = local\n", 1, "no verifier");
    is_refused("[service git]\nrequired =\n", 2, "the name of a verifier");
}

#define NAME_OF_64 "aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd0123456789012345678901.3"

static void a_name_may_be_as_long_as_in_a_request(void **state)
{
    (void)state;
    is_refused("[service " NAME_OF_64 "x]\nrequired = local\n", 1, "NAME should be 1 to 64 bytes");
    assert_true(read_text("[service " NAME_OF_64 "]\nrequired = local\n"));
    assert_int_equal(strlen(NAME_OF_64), SERVICE_MAX);
    assert_string_equal(section(NAME_OF_64)->name, NAME_OF_64);
}

static void a_name_that_is_none_is_refused(void **state)
{
    (void)state;
    is_refused("[service ]\nrequired = local\n", 1, "NAME should be 1 to 64 bytes");
    is_refused("[service a,b]\nrequired = local\n", 1, "NAME should be");
    is_refused("[service a b]\nrequired = local\n", 1, "NAME should be");
    is_refused("[service caf\xc3\xa9]\nrequired = local\n", 1, "NAME should be");
    is_refused("[services git]\nrequired = local\n", 1, "there is no section [services git]");
    is_refused("[service]\nrequired = local\n", 1, "there is no section [service]");
    assert_true(read_text("[service   a.b_c:d/e*-]\nrequired = local\n"));
    assert_string_equal(section("a.b_c:d/e*-")->name, "a.b_c:d/e*-");
}

static void a_control_word_that_there_is_not_is_refused(void **state)
{
    (void)state;
    is_refused("[service git]\nrequired = local\ninclude = other\n", 3,
               "[service git] include: this should be required, requisite, sufficient or optional");
    is_refused("[service git]\nRequired = local\n", 2, "this should be required");
    is_refused("[service git]\nlocal\n", 2, "key = value");
}

/* -- bounds ------------------------------------------------------------------------------------ */

static void a_stack_has_at_most_sixteen_verifiers(void **state)
{
    (void)state;
    char text[1024] = "[service git]\n";

    for (int i = 0; i < SERVICE_ENTRIES_MAX; i++)
        strcat(text, "required = local\n");
    assert_true(read_text(text));
    strcat(text, "required = local\n");
    is_refused(text, 18, "at most 16 verifiers");
}

static void there_are_at_most_64_services(void **state)
{
    (void)state;
    char text[4096] = "";

    for (int i = 0; i <= SERVICE_CONFIGS_MAX; i++) {
        if (i == SERVICE_CONFIGS_MAX)
            assert_true(read_text(text));
        sprintf(text + strlen(text), "[service s%d]\nrequired = local\n", i);
    }
    is_refused(text, 130, "at most 64 services");
}

static void all_stacks_together_are_bounded(void **state)
{
    (void)state;
    static char text[65536] = "[service git]\nrequired = local\n";
    unsigned lines = 2;

    for (; strlen(text) < 50000; lines++) {
        strcat(text, " ");
        memset(text + strlen(text), 'x', 190);
        strcat(text, "\n");
    }
    if (read_text(text))
        fail_msg("taken");
    problem_has("at most 32768 bytes");
}

/* -- --set ------------------------------------------------------------------------------------- */

static void what_is_set_takes_the_place_of_the_file_and_adds_up(void **state)
{
    (void)state;
    assert_true(read_text("[service git]\nrequired = local\nrequired = local\n"
                          "[service api]\nrequired = local\n"));
    assert_true(set("service git.requisite=require scope=x subject=a.b=c"));
    assert_int_equal(section("git")->steps, 1);
    assert_int_equal(section("git")->step[0].control, CONTROL_REQUISITE);
    assert_int_equal(section("git")->step[0].line, -1);
    assert_string_equal(step_text("git", 0), "require scope=x subject=a.b=c");
    assert_true(set("service git.sufficient=local"));
    assert_int_equal(section("git")->steps, 2);
    assert_string_equal(step_text("git", 1), "local");
    assert_int_equal(section("api")->steps, 1);
    assert_int_equal(section("api")->step[0].line, 5);
}

static void what_is_set_can_have_dots_and_the_full_length(void **state)
{
    (void)state;
    char assignment[200] = "service ", name[SERVICE_MAX + 2];

    assert_true(read_text(""));
    assert_true(set("service a.b.c.required=local"));
    assert_string_equal(section("a.b.c")->name, "a.b.c");
    memset(name, 'n', sizeof(name));
    name[SERVICE_MAX] = '\0';
    strcat(strcat(assignment, name), ".required=local");
    assert_true(set(assignment));
    assert_string_equal(section(name)->name, name);
    memcpy(name + SERVICE_MAX, "n", 2);
    strcat(strcat(strcpy(assignment, "service "), name), ".required=local");
    assert_false(set(assignment));
}

static void what_is_set_wrongly_is_told_as_it_was_given(void **state)
{
    (void)state;
    static const struct {
        const char *assignment, *word;
    } cases[] = {
        { "service git.include=other", "this should be required, requisite, sufficient" },
        { "service .required=local", "NAME should be" },
        { "service git=local", "section.key=value" },
        { "service git.required", "section.key=value" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_true(read_text(""));
        assert_false(set(cases[i].assignment));
        problem_has("--set ");
        problem_has(cases[i].assignment);
        problem_has(cases[i].word);
    }
}

static void control_words_are_known_by_name(void **state)
{
    (void)state;
    for (enum control c = 0; c < CONTROL_COUNT; c++)
        assert_int_equal(control_named(slice_of(control_name(c))), c);
    assert_int_equal(control_named(slice_of("Required")), CONTROL_COUNT);
    assert_int_equal(control_named(slice_of("include")), CONTROL_COUNT);
    assert_int_equal(control_named(slice_of("")), CONTROL_COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONFIGURED(lines_stand_in_their_order_with_their_numbers),
        CONFIGURED(the_same_word_again_is_another_line),
        CONFIGURED(an_indented_line_goes_on_with_the_one_before),
        CONFIGURED(comments_end_lines_and_what_goes_on_with_them),
        CONFIGURED(a_stack_never_goes_on_with_another),
        CONFIGURED(an_indented_section_is_refused),
        CONFIGURED(a_service_without_a_verifier_is_refused),
        CONFIGURED(a_name_may_be_as_long_as_in_a_request),
        CONFIGURED(a_name_that_is_none_is_refused),
        CONFIGURED(a_control_word_that_there_is_not_is_refused),
        CONFIGURED(a_stack_has_at_most_sixteen_verifiers),
        CONFIGURED(there_are_at_most_64_services),
        CONFIGURED(all_stacks_together_are_bounded),
        CONFIGURED(what_is_set_takes_the_place_of_the_file_and_adds_up),
        CONFIGURED(what_is_set_can_have_dots_and_the_full_length),
        CONFIGURED(what_is_set_wrongly_is_told_as_it_was_given),
        cmocka_unit_test(control_words_are_known_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
