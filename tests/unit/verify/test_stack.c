/* SPDX-License-Identifier: Apache-2.0 */
/* Stacks of opened verifiers, made from configurations. */
#include "tests/unit/support/configured_stack.h"

#include <time.h>

static void other_is_built_in_where_it_is_absent(void **state)
{
    (void)state;
    make("");
    assert_int_equal(stacks->count, 1);
    const struct stack *other = stack("other");
    assert_string_equal(other->service, "other");
    assert_int_equal(other->entries, 1);
    assert_int_equal(other->entry[0].control, CONTROL_SUFFICIENT);
    assert_string_equal(other->entry[0].name, "local");
    assert_null(other->entry[0].verifier);
    assert_true(other->table_only);
    assert_false(other->on_pool);
}

static void other_is_what_its_section_says(void **state)
{
    (void)state;
    make("[service git]\nrequired = local\n[service other]\nrequisite = local\n"
         "requisite = require scope=x\n");
    assert_int_equal(stacks->count, 2);
    assert_int_equal(stack("other")->entries, 2);
    assert_false(stack("other")->table_only);
    assert_true(stack("git")->table_only);
}

static void only_the_whole_name_is_a_service_and_the_rest_is_others(void **state)
{
    (void)state;
    static const char *const unknown[] = { "gi", "gitx", "Git", "", "nothing", " git" };

    make("[service git]\nrequired = local\n[service git2]\nrequired = throttle\n"
         "required = local\n");
    assert_string_equal(stack("git")->service, "git");
    assert_string_equal(stack("git2")->service, "git2");
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
        assert_ptr_equal(stack(unknown[i]), stacks->other);
    assert_ptr_equal(stacks_find(stacks, (struct slice){ NULL, 0 }), stacks->other);
}

static void entries_stand_in_their_order_with_their_words(void **state)
{
    (void)state;
    bring("unit_plain");
    make("[service git]\nrequisite = throttle failures=3\nsufficient = unit_plain\n"
         "required = local\noptional = require peer_uid=0\n");
    const struct stack *git = stack("git");
    static const char *const names[] = { "throttle", "unit-plain", "local", "require" };
    static const enum control words[] = {
        CONTROL_REQUISITE,
        CONTROL_SUFFICIENT,
        CONTROL_REQUIRED,
        CONTROL_OPTIONAL,
    };
    assert_int_equal(git->entries, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(git->entry[i].name, names[i]);
        assert_int_equal(git->entry[i].control, words[i]);
        assert_true(git->entry[i].is_throttle == (i == 0));
        assert_null(git->entry[i].pool);
        assert_false(git->entry[i].needs_identity);
    }
}

static void several_of_a_kind_are_told_apart_by_number(void **state)
{
    (void)state;
    bring("unit_plain");
    make("[service git]\nrequired = local\nrequired = local\nrequired = require scope=a\n"
         "required = local\nrequired = require scope=b\nrequired = unit_plain\n"
         "required = unit_plain.so\n[service api]\nrequired = local\n");
    static const char *const names[] = {
        "local", "local-2", "require", "local-3", "require-2", "unit-plain", "unit-plain-2",
    };
    for (size_t i = 0; i < 7; i++)
        assert_string_equal(stack("git")->entry[i].name, names[i]);
    assert_string_equal(stack("api")->entry[0].name, "local");
}

static void no_two_have_the_same_name_whatever_they_are_called(void **state)
{
    (void)state;
    bring("unit_second");
    make("[service a]\nrequired = unit_second\nrequired = local\nrequired = local\n"
         "[service b]\nrequired = local\nrequired = local\nrequired = unit_second\n");
    assert_string_equal(stack("a")->entry[0].name, "local-2");
    assert_string_equal(stack("a")->entry[1].name, "local");
    assert_string_equal(stack("a")->entry[2].name, "local-3");
    assert_string_equal(stack("b")->entry[1].name, "local-2");
    assert_string_equal(stack("b")->entry[2].name, "local-2-2");
}

static void counts_go_on_when_the_stacks_are_made_again(void **state)
{
    (void)state;
    make("[service git]\nrequired = local\n");
    struct series *service = stack("git")->series.service, *step = stack("git")->entry[0].series;
    make("[service git]\nrequisite = throttle\nrequisite = local\n");
    assert_ptr_equal(stack("git")->series.service, service);
    assert_ptr_equal(stack("git")->entry[1].series, step);
    assert_ptr_not_equal(stack("git")->entry[0].series, step);
    assert_ptr_not_equal(stack("other")->series.service, service);
    assert_string_equal(step->service, "git");
    assert_string_equal(step->verifier, "local");
    assert_string_equal(service->verifier, "");
}

/* -- arguments --------------------------------------------------------------------------------- */

static void arguments_come_decoded_and_in_order(void **state)
{
    (void)state;
    bring("unit_plain");
    make("[service git]\nrequired = unit_plain a=b text=\"a \\\"b\\\" \\\\ \\x41\" empty=\n"
         "   a=c deadline=never\n");
    assert_string_equal(notes(), "a=b\ntext=a \"b\" \\ A\nempty=\na=c\ndeadline=never\nopen\n");
    free_stacks();
    assert_string_equal(notes(), "close\n");
}

static void what_is_jetonds_own_is_not_passed_on(void **state)
{
    (void)state;
    bring("unit_blocks");
    make("[service git]\nrequired = unit_blocks deadline=250ms url=x threads=2 queue=9\n"
         "[service api]\nrequired = unit_blocks\n");
    assert_string_equal(notes(), "url=x\nopen\nopen\n");
    assert_true(stack("git")->on_pool);
    assert_non_null(stack("git")->entry[0].pool);
    assert_int_equal(stack("git")->entry[0].deadline, 250 * 1000000);
    assert_int_equal(stack("api")->entry[0].deadline, 900 * 1000000);
    free_stacks();
    assert_string_equal(notes(), "close\nclose\n");
}

static void what_is_jetonds_own_has_bounds(void **state)
{
    (void)state;
    static const char *const good[] = {
        "deadline=1ms", "deadline=10s", "deadline=10000ms", "threads=1",
        "threads=64",   "queue=1",      "queue=4096",
    };
    static const struct {
        const char *argument, *word;
    } bad[] = {
        { "deadline=0ms", "1ms to 10s" },        { "deadline=0s", "1ms to 10s" },
        { "deadline=11s", "1ms to 10s" },        { "deadline=10001ms", "1ms to 10s" },
        { "deadline=900", "1ms to 10s" },        { "deadline=ms", "1ms to 10s" },
        { "deadline=-1s", "1ms to 10s" },        { "deadline=", "1ms to 10s" },
        { "threads=0", "from 1 to 64" },         { "threads=65", "from 1 to 64" },
        { "threads=four", "from 1 to 64" },      { "queue=0", "from 1 to 4096" },
        { "queue=4097", "from 1 to 4096" },      { "queue=-1", "from 1 to 4096" },
        { "queue=5 queue=6", "each come once" }, { "deadline=1s deadline=1s", "each come once" },
    };
    char text[200];

    bring("unit_blocks");
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        snprintf(text, sizeof(text), "[service git]\nrequired = unit_blocks %s\n", good[i]);
        make(text);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(text, sizeof(text), "[service git]\nrequired = unit_blocks %s\n", bad[i].argument);
        is_refused(text, 2, bad[i].word);
        problem_has("unit-blocks: ");
    }
}

static void a_line_that_does_not_follow_the_grammar_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *line, *word;
    } cases[] = {
        { "local local", "local: this should be key=value" },
        { "local a=b", "local: it takes no arguments" },
        { "require scope=a again", "again: this should be key=value" },
        { "require subject=\"a", "require subject=\"a: " },
        { "require subject=\"a\\x00b\"", "subject: a NUL cannot be part of a value" },
        { "scope=a", "required: this should be the name of a verifier" },
        { "throttle failures=\"\\q\"", "throttle failures=" },
    };
    char text[200];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(text, sizeof(text), "[service git]\nrequired = local\nrequired = %s\n",
                 cases[i].line);
        is_refused(text, 3, cases[i].word);
    }
}

static void more_arguments_than_a_line_can_have_are_refused(void **state)
{
    (void)state;
    char text[400] = "[service git]\nrequired = unit_plain\n";

    bring("unit_plain");
    for (int i = 0; i < 16; i++)
        strcat(text, " a=b c=d\n");
    is_refused(text, 2, "too many");
}

/* -- what is refused --------------------------------------------------------------------------- */

static void what_a_verifier_says_against_its_arguments_is_told(void **state)
{
    (void)state;
    bring("unit_plain");
    is_refused("[service git]\nrequired = unit_plain fail=\"give it key=FILE\"\n", 2,
               "unit-plain: give it key=FILE");
    assert_string_equal(notes(), "fail=give it key=FILE\n"); /* and is not closed */
    is_refused("[service git]\nrequired = unit_plain a=b\n   fail=here\n", 2, "unit-plain: here");
    is_refused("[service git]\nrequired = local\nrequired = require\n   scope=a\n   scop=b\n", 3,
               "require: there is no argument scop=");
}

static void an_instance_that_is_nothing_is_closed_too(void **state)
{
    (void)state;
    bring("unit_plain");
    make("[service git]\nrequired = unit_plain nothing=needed\n");
    assert_string_equal(notes(), "nothing=needed\nopen\n");
    free_stacks();
    assert_string_equal(notes(), "close\n");
}

static void what_was_opened_before_a_mistake_is_closed(void **state)
{
    (void)state;
    bring("unit_plain");
    bring("unit_blocks");
    is_refused("[service git]\nrequired = unit_plain\nrequired = unit_blocks\n"
               "[service api]\nrequired = unit_plain\nrequired = nothing\n",
               6, "nothing");
    assert_string_equal(notes(), "open\nopen\nopen\nclose\nclose\nclose\n");
}

static void a_verifier_that_is_not_there_is_refused(void **state)
{
    (void)state;
    is_refused("[service git]\nrequired = lokal\n", 2, "lokal.so: No such file or directory");
    is_refused("[service git]\nrequired = sub/lokal\n", 2, "give an absolute path");
    assert_true(read_text("[service git]\nrequired = local\n"));
    assert_true(set("service git.required=lokal"));
    assert_false(make_all());
    problem_has("--set: [service git]: verifier lokal: ");
}

static void what_needs_an_identity_stands_below_what_supplies_one(void **state)
{
    (void)state;
    static const char *const narrow[] = {
        "scope=a", "subject=a", "issuer=a", "min_remaining=5m", "peer_uid=0 scope=a",
    };
    char text[200];

    for (size_t i = 0; i < sizeof(narrow) / sizeof(narrow[0]); i++) {
        snprintf(text, sizeof(text),
                 "[service git]\nrequisite = throttle\nrequisite = require %s\n"
                 "requisite = local\n",
                 narrow[i]);
        is_refused(text, 3, "put it below a verifier that supplies one, such as local");
        snprintf(text, sizeof(text), "[service git]\nrequisite = local\nrequisite = require %s\n",
                 narrow[i]);
        make(text);
        assert_true(stack("git")->entry[1].needs_identity);
    }
    make("[service git]\nrequisite = require peer_uid=0\nrequisite = require peer_gid=0\n"
         "requisite = local\n");
    bring("unit_plain");
    make("[service git]\nrequisite = unit_plain\nrequisite = require scope=a\n");
}

static void what_never_identifies_is_not_sufficient(void **state)
{
    (void)state;
    is_refused("[service git]\nrequired = local\nsufficient = require scope=a\n", 3,
               "it cannot be sufficient; make it requisite");
    is_refused("[service git]\nsufficient = require peer_uid=0\n", 2, "make it requisite");
    is_refused("[service git]\nsufficient = throttle\nsufficient = local\n", 2,
               "make it requisite");
}

static void a_stack_without_an_identity_passes_nothing(void **state)
{
    (void)state;
    make("[service git]\nrequired = throttle\n");
    assert_false(stack("git")->table_only);
    assert_int_equal(stack("git")->terms, TERMS_NONE);
}

/* -- the end ----------------------------------------------------------------------------------- */

static int64_t milliseconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static struct job *send(struct thread_pool *pool, struct mailbox *mailbox)
{
    const struct jeton_question q = { .value = "", .service = "git" };
    struct job *job = job_new(&q);

    job->reply_to = mailbox;
    assert_true(thread_pool_submit(pool, job));
    return job;
}

static off_t notes_length(void)
{
    struct stat st;

    return stat(in_directory("notes"), &st) == 0 ? st.st_size : 0;
}

/* However many verifiers hang, they are waited for together.  The pools free the abandoned jobs. */
static void the_end_does_not_wait_for_one_after_the_other(void **state)
{
    (void)state;
    struct mailbox mailbox;
    enum { HANGING = 16, PATIENCE = 500 };
    struct job *job[HANGING];
    char text[64 * HANGING] = "[service a]\n";

    for (size_t i = 0; i < HANGING; i++)
        strcat(text, "required = unit_hangs threads=1\n");
    bring("unit_hangs");
    make(text);
    copy_file("/dev/null", in_directory("notes"));
    assert_int_equal(mailbox_init(&mailbox), 0);
    for (size_t i = 0; i < HANGING; i++)
        job[i] = send(stack("a")->entry[i].pool, &mailbox);
    for (int64_t limit = milliseconds() + 40000;
         notes_length() < HANGING && milliseconds() < limit;)
        usleep(1000);
    for (size_t i = 0; i < HANGING; i++)
        assert_int_equal(thread_pool_cancel(job[i]), JOB_ABANDONED);
    int64_t began = milliseconds();
    assert_false(stacks_end(stacks, PATIENCE));
    int64_t took = milliseconds() - began;
    assert_in_range(took, PATIENCE - 1, (HANGING - 1) * PATIENCE);
    unlink(in_directory("notes"));
    assert_true(stacks_end(stacks, 40000));
    mailbox_destroy(&mailbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONFIGURED(other_is_built_in_where_it_is_absent),
        CONFIGURED(other_is_what_its_section_says),
        CONFIGURED(only_the_whole_name_is_a_service_and_the_rest_is_others),
        CONFIGURED(entries_stand_in_their_order_with_their_words),
        CONFIGURED(several_of_a_kind_are_told_apart_by_number),
        CONFIGURED(no_two_have_the_same_name_whatever_they_are_called),
        CONFIGURED(counts_go_on_when_the_stacks_are_made_again),
        CONFIGURED(arguments_come_decoded_and_in_order),
        CONFIGURED(what_is_jetonds_own_is_not_passed_on),
        CONFIGURED(what_is_jetonds_own_has_bounds),
        CONFIGURED(a_line_that_does_not_follow_the_grammar_is_refused),
        CONFIGURED(more_arguments_than_a_line_can_have_are_refused),
        CONFIGURED(what_a_verifier_says_against_its_arguments_is_told),
        CONFIGURED(an_instance_that_is_nothing_is_closed_too),
        CONFIGURED(what_was_opened_before_a_mistake_is_closed),
        CONFIGURED(a_verifier_that_is_not_there_is_refused),
        CONFIGURED(what_needs_an_identity_stands_below_what_supplies_one),
        CONFIGURED(what_never_identifies_is_not_sufficient),
        CONFIGURED(a_stack_without_an_identity_passes_nothing),
        CONFIGURED(the_end_does_not_wait_for_one_after_the_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
