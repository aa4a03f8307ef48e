/* SPDX-License-Identifier: Apache-2.0 */
/* The pool: its queue, cancelling, verifiers that end their thread, the end. */
#include "tests/unit/support/pool_fixture.h"

static struct job *new_job(const char *value)
{
    return new_job_of(0, value);
}

static struct job *send(struct thread_pool *p, const char *value)
{
    struct job *job = new_job(value);

    assert_true(thread_pool_submit(p, job));
    return job;
}

/* -- the queue --------------------------------------------------------------------------------- */

static void jobs_return_with_their_answers(void **state)
{
    (void)state;
    struct thread_pool *p = pool(2, 64);

    for (unsigned i = 1; i <= 50; i++) {
        send(p, "answer");
        await_jobs(i);
        assert_string_equal(last.message, "answer");
    }
    finish(p);
    assert_int_equal(asked, 50);
    assert_int_equal(unanswered, 0);
}

static void the_queue_is_bounded(void **state)
{
    (void)state;
    struct thread_pool *p = pool(1, 3);

    send(p, "hang");
    await(&hanging, 1);
    for (int i = 0; i < 3; i++)
        send(p, "answer");
    struct job *job = new_job("answer");
    assert_false(thread_pool_submit(p, job));
    assert_false(thread_pool_submit(p, job));
    open_gate(true);
    await_jobs(4);
    assert_true(thread_pool_submit(p, job)); /* the caller still owned it */
    await_jobs(5);
    finish(p);
}

static void what_hangs_keeps_nothing_but_its_thread(void **state)
{
    (void)state;
    struct thread_pool *p = pool(3, 100);

    send(p, "hang");
    send(p, "hang");
    await(&hanging, 2);
    for (int i = 0; i < 100; i++)
        send(p, "answer");
    await_jobs(100);
    assert_int_equal(hanging, 2);
    finish(p);
    assert_int_equal(arrived, 102);
}

/* -- cancelling ------------------------------------------------------------------------------- */

static void a_cancelled_job_never_returns(void **state)
{
    (void)state;
    struct thread_pool *p = pool(1, 4);
    struct job *running = send(p, "hang");

    await(&hanging, 1);
    struct job *waiting = send(p, "answer");
    send(p, "answer");
    assert_int_equal(thread_pool_cancel(waiting), JOB_CANCELLED);
    assert_int_equal(thread_pool_cancel(running), JOB_ABANDONED);
    open_gate(true);
    await_jobs(1);
    finish(p);
    assert_int_equal(arrived, 1);
    assert_int_equal(asked, 2); /* the queued job was not begun */
}

static void a_returning_job_cannot_be_cancelled(void **state)
{
    (void)state;
    struct thread_pool *p = pool(1, 4);
    struct job *job = send(p, "answer");
    struct pollfd mail = { .fd = mailbox.wake, .events = POLLIN };

    assert_int_equal(poll(&mail, 1, LIMIT), 1);
    assert_int_equal(thread_pool_cancel(job), JOB_RETURNING);
    assert_int_equal(thread_pool_cancel(job), JOB_RETURNING);
    await_jobs(1);
    finish(p);
    assert_int_equal(arrived, 1);
}

/* -- verifiers that end their thread ----------------------------------------------------------- */

static void a_thread_that_is_ended_is_replaced(void **state)
{
    (void)state;
    struct thread_pool *p = pool(1, 64);

    for (int i = 0; i < 20; i++)
        send(p, "end");
    send(p, "answer");
    await_jobs(21);
    assert_int_equal(ended, 20);
    assert_string_equal(last.message, "answer");
    assert_int_equal(asked, 21);
    finish(p);
    assert_int_equal(departed, 20);
}

static void ended_threads_are_over_when_the_pool_has_ended(void **state)
{
    (void)state;
    for (int round = 0; round < 50; round++) {
        struct thread_pool *p = pool(2, 64);
        for (int i = 0; i < 4; i++)
            send(p, "end");
        finish(p);
        assert_int_equal(arrived, 4 * (round + 1));
        assert_int_equal(departed, ended);
    }
}

/* No thread is left: queued jobs are returned at the end, or when a thread can be started. */
static void a_thread_that_could_not_be_replaced_loses_no_job(void **state)
{
    (void)state;
    struct thread_pool *p = pool(1, 64);

    no_threads = true;
    send(p, "end");
    await_jobs(1);
    send(p, "answer");
    send(p, "answer");
    no_threads = false;
    send(p, "answer");
    await_jobs(4);
    no_threads = true;
    send(p, "end");
    await_jobs(5);
    struct job *cancelled = send(p, "answer");
    send(p, "answer");
    assert_int_equal(thread_pool_cancel(cancelled), JOB_CANCELLED);
    finish(p);
    assert_int_equal(arrived, 6);
    assert_int_equal(unanswered, 1);
}

static void a_pool_without_threads_is_none(void **state)
{
    (void)state;
    no_threads = true;
    assert_null(thread_pool_new(&verifier, &asked, 4, 4));
    assert_int_equal(errno, EAGAIN);
}

/* -- the end ----------------------------------------------------------------------------------- */

static void the_end_waits_for_what_hangs_and_returns_what_waits(void **state)
{
    (void)state;
    struct thread_pool *p = pool(2, 64);

    send(p, "hang");
    struct job *cancelled = send(p, "hang");
    await(&hanging, 2);
    for (int i = 0; i < 10; i++)
        send(p, "answer");
    assert_false(thread_pool_stop(p, 0));
    assert_false(thread_pool_stop(p, 20));
    struct job *late = new_job("answer");
    assert_false(thread_pool_submit(p, late));
    job_free(late);
    assert_int_equal(thread_pool_cancel(cancelled), JOB_ABANDONED);
    finish(p);
    assert_int_equal(arrived, 11);
    assert_int_equal(unanswered, 10);
    assert_int_equal(asked, 2);
}

int main(void)
{
    assert(pthread_key_create(&at_its_end, depart) == 0);
    const struct CMUnitTest tests[] = {
#define TEST(test) cmocka_unit_test_setup_teardown(test, prepare, tidy)
        TEST(jobs_return_with_their_answers),
        TEST(the_queue_is_bounded),
        TEST(what_hangs_keeps_nothing_but_its_thread),
        TEST(a_cancelled_job_never_returns),
        TEST(a_returning_job_cannot_be_cancelled),
        TEST(a_thread_that_is_ended_is_replaced),
        TEST(ended_threads_are_over_when_the_pool_has_ended),
        TEST(a_thread_that_could_not_be_replaced_loses_no_job),
        TEST(a_pool_without_threads_is_none),
        TEST(the_end_waits_for_what_hangs_and_returns_what_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
