/* SPDX-License-Identifier: Apache-2.0 */
/* Stacks that are replaced while threads use them. */
#include "tests/unit/support/configured_stack.h"

#include <sched.h>

#include "daemon/verify/stack_set.h"

enum { READERS = 3, ROUNDS = 60, LIMIT = 20000 };

static struct stack_set *set_of_stacks;
static struct stack_reader *readers;
static atomic_bool over;

static int set_up(void **state)
{
    int result = set_up_stacks(state);

    log_set_level(LOG_LEVEL_ERROR);
    over = false;
    bring("unit_plain");
    bring("unit_blocks");
    return result;
}

static void begin(const char *text)
{
    assert_true(read_text(text));
    set_of_stacks = stack_set_new(READERS, &config, &metrics, &problem);
    if (set_of_stacks == NULL)
        fail_msg("%s", problem.message);
    readers = set_of_stacks->reader;
}

static bool replace(const char *text)
{
    struct stacks *new = read_text(text) ? stacks_new(&config, &metrics, &problem) : NULL;

    if (new != NULL)
        stack_set_replace(set_of_stacks, new);
    return new != NULL;
}

static void finish(void)
{
    assert_true(stack_set_end(set_of_stacks));
    stack_set_free(set_of_stacks);
}

/* Let all workers enter, as they do when they are woken. */
static void all_enter(void)
{
    for (size_t i = 0; i < READERS; i++)
        stack_set_enter(&readers[i]);
}

static unsigned times(const char *text, const char *word)
{
    unsigned count = 0;

    for (; (text = strstr(text, word)) != NULL; text++)
        count++;
    return count;
}

/* -- one after the other ----------------------------------------------------------------------- */

static void old_stacks_live_until_no_reader_uses_them(void **state)
{
    (void)state;
    begin("[service git]\nrequired = unit_plain\n");
    all_enter();
    notes();
    assert_true(replace("[service git]\nrequired = local\n"));
    assert_false(set_of_stacks->settled);
    stack_set_enter(&readers[0]);
    stack_set_enter(&readers[2]);
    assert_false(stack_set_step(set_of_stacks));
    assert_string_equal(notes(), "");
    stack_set_enter(&readers[1]);
    assert_true(stack_set_step(set_of_stacks));
    assert_string_equal(notes(), "close\n");
    assert_null(set_of_stacks->replaced);
    finish();
}

static void old_stacks_live_until_no_evaluation_holds_them(void **state)
{
    (void)state;
    begin("[service git]\nrequired = unit_plain\n");
    all_enter();
    struct stacks *old = stack_set_hold(&readers[0]);
    assert_ptr_equal(set_of_stacks->current, old);
    notes();
    assert_true(replace("[service git]\nrequired = local\n"));
    all_enter();
    assert_true(stack_set_step(set_of_stacks)); /* new evaluations use the new set already */
    assert_string_equal(notes(), "");
    assert_ptr_equal(set_of_stacks->replaced, old);
    stack_set_release(old);
    assert_true(stack_set_step(set_of_stacks));
    assert_string_equal(notes(), "close\n");
    finish();
}

static void a_broken_configuration_changes_nothing(void **state)
{
    (void)state;
    begin("[service git]\nrequired = unit_plain\n");
    all_enter();
    struct stacks *old = set_of_stacks->current;
    assert_false(replace("[service git]\nrequired = unit_plain fail=no\n"));
    problem_has("unit-plain: no");
    assert_ptr_equal(set_of_stacks->current, old);
    assert_ptr_equal(stack_set_enter(&readers[0]), old);
    assert_true(set_of_stacks->settled);
    assert_null(set_of_stacks->replaced);
    finish();
}

static void changed_terms_are_noted_until_the_caller_clears_them(void **state)
{
    (void)state;
    begin("[service git]\nrequired = local\n");
    all_enter();
    assert_true(replace("[service git]\nsufficient = local\n"));
    assert_false(set_of_stacks->terms_changed);
    all_enter();
    assert_true(stack_set_step(set_of_stacks));
    assert_true(replace("[service git]\nrequisite = local\nrequisite = require scope=x\n"));
    assert_true(set_of_stacks->terms_changed);
    assert_false(stack_set_step(set_of_stacks)); /* some worker might still hand it out */
    assert_true(set_of_stacks->terms_changed);
    all_enter();
    assert_true(stack_set_step(set_of_stacks));
    assert_true(replace("[service git]\nrequisite = local\nrequisite = require scope=x\n"));
    assert_true(set_of_stacks->terms_changed);
    set_of_stacks->terms_changed = false;
    all_enter();
    assert_true(stack_set_step(set_of_stacks));
    assert_false(set_of_stacks->terms_changed);
    finish();
}

static void nothing_is_left_at_the_end(void **state)
{
    (void)state;
    begin("[service git]\nrequired = unit_plain\n");
    for (int i = 0; i < 4; i++)
        assert_true(replace("[service git]\nrequired = unit_plain\nrequired = unit_blocks\n"));
    finish();
    const char *text = notes();
    assert_int_equal(times(text, "open"), 9);
    assert_int_equal(times(text, "close"), 9);
}

/* -- all at once ------------------------------------------------------------------------------- */

/* Read every part of the stacks, as a worker does; sanitizers notice what was freed. */
static void use(const struct stacks *s)
{
    const struct stack *git = stacks_find(s, slice_of("git"));
    const struct jeton_question q = { .value = "", .service = "git" };
    struct jeton_answer a = { .reason = 0 };

    for (size_t i = 0; i < git->entries; i++)
        if (git->entry[i].verifier != NULL)
            git->entry[i].verifier->verify(git->entry[i].instance, &q, &a);
}

static void *be_a_worker(void *argument)
{
    struct stack_reader *reader = argument;
    struct stacks *held = NULL;

    for (unsigned i = 0; !over; i++) {
        use(stack_set_enter(reader));
        if (held != NULL && i % 7 == 0) { /* an evaluation ends */
            use(held);
            stack_set_release(held);
            held = NULL;
        } else if (held == NULL && i % 5 == 0) { /* one begins */
            held = stack_set_hold(reader);
        }
        sched_yield();
    }
    if (held != NULL)
        stack_set_release(held);
    return NULL;
}

/* Replace the stacks again and again, each time until all readers use the new ones. */
static void replace_many_times(const char *const texts[2])
{
    for (unsigned round = 0; round < ROUNDS; round++) {
        assert_true(replace(texts[round % 2]));
        for (unsigned i = 0; !stack_set_step(set_of_stacks) && i < LIMIT; i++)
            usleep(1000);
        assert_true(set_of_stacks->settled);
    }
}

static void stacks_replace_each_other_while_readers_use_them(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "[service git]\nrequired = unit_plain\nrequired = local\n",
        "[service git]\nsufficient = local\nsufficient = unit_blocks threads=1\n",
    };
    pthread_t thread[READERS];

    begin(texts[0]);
    all_enter();
    for (size_t i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, be_a_worker, &readers[i]), 0);
    replace_many_times(texts);
    over = true;
    for (size_t i = 0; i < READERS; i++)
        pthread_join(thread[i], NULL);
    for (unsigned i = 0; set_of_stacks->replaced != NULL && i < LIMIT; i++) {
        usleep(1000); /* a verifier's thread ends at any time */
        stack_set_step(set_of_stacks);
    }
    assert_null(set_of_stacks->replaced);
    finish();
    const char *text = notes();
    assert_int_equal(times(text, "open"), ROUNDS + 1);
    assert_int_equal(times(text, "close"), ROUNDS + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down_stacks)
        TEST(old_stacks_live_until_no_reader_uses_them),
        TEST(old_stacks_live_until_no_evaluation_holds_them),
        TEST(a_broken_configuration_changes_nothing),
        TEST(changed_terms_are_noted_until_the_caller_clears_them),
        TEST(nothing_is_left_at_the_end),
        TEST(stacks_replace_each_other_while_readers_use_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
