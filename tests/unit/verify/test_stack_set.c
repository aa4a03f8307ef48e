/* SPDX-License-Identifier: Apache-2.0 */
/* Stacks that replace each other while threads use them. */
#include "tests/unit/support/configured_stack.h"

#include <sched.h>

#include "daemon/verify/stack_set.h"

enum { LANES = 3, ROUNDS = 60, LIMIT = 20000 };

static struct server server;
static struct worker workers[LANES];
static struct stack_set stack_set;
static atomic_bool over;

static int open_house(void **state)
{
    int result = make_all_ready(state);

    log_set_level(LOG_LEVEL_ERROR);
    memset(&server, 0, sizeof(server));
    memset(workers, 0, sizeof(workers));
    server.token_table = token_table_new("jtn", 0);
    server.worker = workers;
    server.workers = LANES;
    metrics_init(&server.metrics, LANES);
    for (unsigned i = 0; i < LANES; i++) {
        workers[i].server = &server;
        workers[i].reader = i;
        assert_int_equal(mailbox_init(&workers[i].box), 0);
    }
    over = false;
    bring("unit_plain");
    bring("unit_blocks");
    return result;
}

static int close_house(void **state)
{
    for (unsigned i = 0; i < LANES; i++)
        mailbox_destroy(&workers[i].box);
    token_table_free(server.token_table);
    metrics_free(&server.metrics);
    return remove_all(state);
}

static void begin(const char *text)
{
    assert_true(read_text(text));
    if (!stack_set_begin(&stack_set, &server, &config, &problem))
        fail_msg("%s", problem.message);
}

static bool replace(const char *text)
{
    return read_text(text) && stack_set_replace(&stack_set, &config, &problem);
}

static void finish(void)
{
    stack_set_end(&stack_set);
    stack_set_free(&stack_set);
    assert_null(stack_set.replaced);
}

/* All workers look, as they do when they are woken. */
static void all_take(void)
{
    for (size_t i = 0; i < LANES; i++)
        lane_take_stacks(&workers[i]);
}

static unsigned times(const char *text, const char *word)
{
    unsigned count = 0;

    for (; (text = strstr(text, word)) != NULL; text++)
        count++;
    return count;
}

/* -- one after the other ----------------------------------------------------------------------- */

static void the_old_set_lives_until_no_lane_uses_it(void **state)
{
    (void)state;
    begin("[service git]\nrequired = unit_plain\n");
    all_take();
    notes();
    assert_true(replace("[service git]\nrequired = local\n"));
    assert_false(stack_set.settled);
    lane_take_stacks(&workers[0]);
    lane_take_stacks(&workers[2]);
    assert_false(stack_set_step(&stack_set));
    assert_string_equal(notes(), "");
    lane_take_stacks(&workers[1]);
    assert_true(stack_set_step(&stack_set));
    assert_string_equal(notes(), "close\n");
    assert_null(stack_set.replaced);
    finish();
}

static void the_old_set_lives_until_nothing_is_heard_before_it(void **state)
{
    (void)state;
    begin("[service git]\nrequired = unit_plain\n");
    all_take();
    struct stacks *old = atomic_load(&server.stacks);
    atomic_fetch_add(&old->evaluations, 1);
    notes();
    assert_true(replace("[service git]\nrequired = local\n"));
    all_take();
    assert_true(stack_set_step(&stack_set)); /* new ones go by the new set already */
    assert_string_equal(notes(), "");
    assert_ptr_equal(stack_set.replaced, old);
    atomic_fetch_sub(&old->evaluations, 1);
    assert_true(stack_set_step(&stack_set));
    assert_string_equal(notes(), "close\n");
    finish();
}

static void a_broken_configuration_changes_nothing(void **state)
{
    (void)state;
    begin("[service git]\nrequired = unit_plain\n");
    all_take();
    struct stacks *old = atomic_load(&server.stacks);
    assert_false(replace("[service git]\nrequired = unit_plain fail=no\n"));
    says("unit-plain: no");
    assert_ptr_equal(atomic_load(&server.stacks), old);
    assert_true(stack_set.settled);
    assert_null(stack_set.replaced);
    finish();
}

static void who_has_the_table_is_recalled_only_if_the_terms_changed(void **state)
{
    (void)state;
    begin("[service git]\nrequired = local\n");
    all_take();
    assert_true(replace("[service git]\nsufficient = local\n"));
    assert_false(stack_set.recall);
    all_take();
    assert_true(stack_set_step(&stack_set));
    assert_true(replace("[service git]\nrequisite = local\nrequisite = require scope=x\n"));
    assert_true(stack_set.recall);
    assert_false(stack_set_step(&stack_set)); /* some worker might still hand it out */
    assert_true(stack_set.recall);
    all_take();
    assert_true(stack_set_step(&stack_set));
    assert_false(stack_set.recall);
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

/* Looks at all of a set, as a worker does; what is freed is found by the sanitizers. */
static void use(const struct stacks *s)
{
    const struct stack *git = stacks_find(s, slice_of("git"));
    const struct jeton_question q = { .value = "", .service = "git" };
    struct jeton_answer a = { .reason = 0 };

    for (size_t i = 0; i < git->steps; i++)
        if (git->step[i].verifier != NULL)
            git->step[i].verifier->verify(git->step[i].instance, &q, &a);
}

static void *be_a_lane(void *argument)
{
    struct worker *worker = argument;
    struct stacks *kept = NULL;

    for (unsigned i = 0; !over; i++) {
        use(lane_take_stacks(worker));
        if (kept != NULL && i % 7 == 0) { /* a matter is decided */
            use(kept);
            atomic_fetch_sub(&kept->evaluations, 1);
            kept = NULL;
        } else if (kept == NULL && i % 5 == 0) { /* one begins */
            kept = atomic_load(&worker->stacks);
            atomic_fetch_add(&kept->evaluations, 1);
        }
        sched_yield();
    }
    if (kept != NULL)
        atomic_fetch_sub(&kept->evaluations, 1);
    return NULL;
}

static void sets_replace_each_other_while_lanes_use_them(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "[service git]\nrequired = unit_plain\nrequired = local\n",
        "[service git]\nsufficient = local\nsufficient = unit_blocks threads=1\n",
    };

    begin(texts[0]);
    all_take();
    for (size_t i = 0; i < LANES; i++)
        assert_int_equal(pthread_create(&workers[i].thread, NULL, be_a_lane, &workers[i]), 0);
    for (unsigned round = 0; round < ROUNDS; round++) {
        assert_true(replace(texts[round % 2]));
        for (unsigned i = 0; !stack_set_step(&stack_set) && i < LIMIT; i++)
            usleep(1000);
        assert_true(stack_set.settled);
    }
    over = true;
    for (size_t i = 0; i < LANES; i++)
        pthread_join(workers[i].thread, NULL);
    for (unsigned i = 0; stack_set.replaced != NULL && i < LIMIT; i++) {
        usleep(1000); /* a verifier's thread ends in its own time */
        stack_set_step(&stack_set);
    }
    assert_null(stack_set.replaced);
    finish();
    const char *text = notes();
    assert_int_equal(times(text, "open"), ROUNDS + 1);
    assert_int_equal(times(text, "close"), ROUNDS + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(test) cmocka_unit_test_setup_teardown(test, open_house, close_house)
        TEST(the_old_set_lives_until_no_lane_uses_it),
        TEST(the_old_set_lives_until_nothing_is_heard_before_it),
        TEST(a_broken_configuration_changes_nothing),
        TEST(who_has_the_table_is_recalled_only_if_the_terms_changed),
        TEST(nothing_is_left_at_the_end),
        TEST(sets_replace_each_other_while_lanes_use_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
