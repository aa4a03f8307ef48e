/* SPDX-License-Identifier: Apache-2.0 */
/* The pool's queue is fair by uid. */
#include "tests/unit/support/pool_fixture.h"

static const struct jeton_verifier blocks = { .flags = JETON_VERIFIER_MAY_BLOCK, .verify = verify };
static const struct jeton_verifier computes = { .flags = JETON_VERIFIER_COSTLY, .verify = verify };

/* Let this uid's jobs that hang go on. */
static void let_go(int uid)
{
    let_go_uid = uid;
    open_gate(false);
}

static bool submit(struct thread_pool *p, uid_t uid, const char *value)
{
    struct job *job = new_job_of(uid, value);

    if (thread_pool_submit(p, job))
        return true;
    job_free(job);
    return false;
}

static void uids_take_turns_whatever_each_has_queued(void **state)
{
    (void)state;
    struct thread_pool *p = pool(1, 64);

    submit(p, 2, "hang");
    await(&hanging, 1);
    for (int i = 0; i < 4; i++)
        submit(p, 0, "answer");
    submit(p, 1, "answer");
    submit(p, 1, "answer");
    open_gate(true);
    await_jobs(7);
    assert_string_equal(order, "cababaa");
    finish(p);
}

static void the_newest_job_of_the_largest_uid_leaves_a_full_queue(void **state)
{
    (void)state;
    struct thread_pool *p = pool(1, 4);

    submit(p, 2, "hang");
    await(&hanging, 1);
    for (int i = 0; i < 4; i++)
        assert_true(submit(p, 0, i < 3 ? "answer" : "newest"));
    assert_false(submit(p, 0, "more"));
    assert_true(submit(p, 1, "answer"));
    await_jobs(1);
    assert_int_equal(displaced, 1);
    assert_true(submit(p, 3, "answer"));
    await_jobs(2);
    assert_string_equal(order, "aa");
    assert_false(submit(p, 1, "answer")); /* that would only change places */
    open_gate(true);
    await_jobs(7);
    assert_int_equal(displaced, 2);
    assert_int_equal(asked, 5);
    finish(p);
}

/* Let one uid after the other hang on as many of the threads as it gets: `held`, up to a 0.  Another one
 * then is answered. */
static void check_flood(unsigned threads, const unsigned *held)
{
    struct thread_pool *p = thread_pool_new(&blocks, &asked, threads, 64);
    unsigned sent = arrived, sum = 0;
    uid_t uid = 0;

    for (; held[uid] > 0; uid++) {
        for (unsigned i = 0; i < threads; i++, sent++)
            submit(p, uid, "hang");
        sum += held[uid];
        await(&hanging, sum);
    }
    for (unsigned i = 0; i < 20; i++) {
        submit(p, uid, "answer");
        await_jobs(arrived + 1);
    }
    assert_int_equal(hanging, sum);
    open_gate(true);
    await_jobs(sent + 20);
    finish(p);
    open_gate(false);
}

static void one_uid_never_has_all_threads_that_may_block(void **state)
{
    (void)state;
    check_flood(2, (const unsigned[]){ 1, 0 });
    check_flood(3, (const unsigned[]){ 1, 0 });
    check_flood(4, (const unsigned[]){ 2, 0 });
    check_flood(8, (const unsigned[]){ 4, 0 });
}

static void uids_together_leave_a_thread_that_may_block_to_another_one(void **state)
{
    (void)state;
    check_flood(3, (const unsigned[]){ 1, 1, 0 });
    check_flood(4, (const unsigned[]){ 2, 1, 0 });
    check_flood(8, (const unsigned[]){ 4, 2, 0 });
    check_flood(8, (const unsigned[]){ 4, 2, 1, 0 });
    check_flood(16, (const unsigned[]){ 8, 4, 2, 0 });
}

/* Of 4 threads two uids have one each, and may not have two.  When one of them gives its own back, both
 * may have one. */
static void thread_that_is_given_back_may_be_enough_for_two_jobs(void **state)
{
    (void)state;
    struct thread_pool *p = thread_pool_new(&blocks, &asked, 4, 64);

    submit(p, 0, "hang");
    submit(p, 1, "hang");
    await(&hanging, 2);
    submit(p, 1, "hang");
    submit(p, 0, "answer");
    for (unsigned i = 1; i <= 20; i++) { /* the idle threads have found that the two may not run */
        submit(p, 2, "answer");
        await_jobs(i);
    }
    let_go(0);
    await_jobs(22);
    await(&hanging, 2);
    assert_string_equal(order + 20, "aa");
    open_gate(true);
    await_jobs(24);
    finish(p);
}

static void a_uid_with_one_thread_is_served_by_it(void **state)
{
    (void)state;
    struct thread_pool *p = thread_pool_new(&blocks, &asked, 1, 64);
    for (int i = 0; i < 5; i++)
        submit(p, 0, "answer");
    await_jobs(5);
    finish(p);
}

static void what_only_computes_has_a_longer_queue_and_places(void **state)
{
    (void)state;
    struct thread_pool *p = thread_pool_new(&computes, &asked, 2, 2);
    assert_int_equal(thread_pool_places(p), 4);
    submit(p, 0, "hang");
    submit(p, 0, "hang");
    await(&hanging, 2); /* it may have all threads: they come back soon */
    for (uid_t uid = 1; uid <= 16; uid++)
        assert_true(submit(p, uid, "answer") && submit(p, uid, "answer"));
    assert_false(submit(p, 1, "answer"));
    open_gate(true);
    await_jobs(34);
    finish(p);
}

int main(void)
{
    assert(pthread_key_create(&at_its_end, depart) == 0);
    const struct CMUnitTest tests[] = {
#define TEST(test) cmocka_unit_test_setup_teardown(test, prepare, tidy)
        TEST(uids_take_turns_whatever_each_has_queued),
        TEST(the_newest_job_of_the_largest_uid_leaves_a_full_queue),
        TEST(one_uid_never_has_all_threads_that_may_block),
        TEST(uids_together_leave_a_thread_that_may_block_to_another_one),
        TEST(thread_that_is_given_back_may_be_enough_for_two_jobs),
        TEST(a_uid_with_one_thread_is_served_by_it),
        TEST(what_only_computes_has_a_longer_queue_and_places),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
