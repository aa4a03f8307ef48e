/* SPDX-License-Identifier: Apache-2.0 */
/* The pool, with a verifier that does what the value asks for.  Tests wait for a state, never for a
 * time: the limit only ends a test that fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/verify/thread_pool.h"

enum { LIMIT = 20000 }; /* milliseconds */

/* -- the verifier ------------------------------------------------------------------------------ */

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER;
static bool gate_is_open;
static atomic_uint hanging, asked, departed;
static pthread_key_t at_its_end;
static atomic_bool no_threads; /* pthread_create() fails */

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                   void *argument)
{
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *),
                void *) = (int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *),
                                   void *))(uintptr_t)dlsym(RTLD_NEXT, "pthread_create");

    return no_threads ? EAGAIN : real(thread, attributes, run, argument);
}

static void hang(void)
{
    pthread_mutex_lock(&gate);
    hanging++;
    while (!gate_is_open)
        pthread_cond_wait(&opened, &gate);
    hanging--;
    pthread_mutex_unlock(&gate);
}

static void open_gate(bool open)
{
    pthread_mutex_lock(&gate);
    gate_is_open = open;
    pthread_cond_broadcast(&opened);
    pthread_mutex_unlock(&gate);
}

/* Take some time when the thread ends, as a library might. */
static void depart(void *unused)
{
    (void)unused;
    usleep(500);
    departed++;
}

static int verify(void *instance, const struct jeton_question *q, struct jeton_answer *a)
{
    (void)instance;
    asked++;
    if (q->value[0] == 'h')
        hang();
    if (q->value[0] == 'e') {
        pthread_setspecific(at_its_end, q);
        pthread_exit(NULL);
    }
    a->reason = JETON_REASON_DENIED;
    strcpy(a->message, q->value);
    return JETON_VERIFIER_FAIL;
}

static const struct jeton_verifier verifier = { .abi = JETON_VERIFIER_ABI, .verify = verify };

/* -- the sender -------------------------------------------------------------------------------- */

static struct mailbox mailbox;
static unsigned arrived, unanswered, ended;
static struct jeton_answer last;

static void arrive(struct mail *mail)
{
    struct job *job = (struct job *)mail;

    arrived++;
    unanswered += job->outcome == JETON_VERIFIER_ERROR && !job->ended_its_thread;
    ended += job->ended_its_thread;
    last = job->answer;
    job_free(job);
}

static struct job *new_job(const char *value)
{
    const struct jeton_question q = { .value = value,
                                      .value_length = strlen(value),
                                      .service = "git" };
    struct job *job = job_new(&q);

    job->mail.on_delivery = arrive;
    job->reply_to = &mailbox;
    return job;
}

static struct thread_pool *pool(unsigned threads, unsigned queue)
{
    struct thread_pool *p = thread_pool_new(&verifier, &asked, threads, queue);

    assert_non_null(p);
    return p;
}

static struct job *send(struct thread_pool *p, const char *value)
{
    struct job *job = new_job(value);

    assert_true(thread_pool_submit(p, job));
    return job;
}

static int64_t milliseconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void await_jobs(unsigned count)
{
    struct pollfd mail = { .fd = mailbox.wake, .events = POLLIN };

    for (int64_t end = milliseconds() + LIMIT; arrived < count && milliseconds() < end;) {
        poll(&mail, 1, 100);
        mailbox_deliver(&mailbox, SIZE_MAX);
    }
    assert_int_equal(arrived, count);
}

static void await(atomic_uint *what, unsigned count)
{
    for (int64_t end = milliseconds() + LIMIT; *what != count && milliseconds() < end;)
        usleep(200);
    assert_int_equal(*what, count);
}

static void finish(struct thread_pool *p)
{
    open_gate(true);
    assert_true(thread_pool_stop(p, LIMIT));
    mailbox_deliver(&mailbox, SIZE_MAX);
}

static int prepare(void **state)
{
    (void)state;
    arrived = unanswered = ended = 0;
    hanging = asked = departed = 0;
    gate_is_open = no_threads = false;
    return mailbox_init(&mailbox);
}

static int tidy(void **state)
{
    (void)state;
    mailbox_destroy(&mailbox);
    return 0;
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
