/* SPDX-License-Identifier: Apache-2.0 */
/* A verifier that does what the value asks for, and a sender of jobs for it.  Tests wait for a state,
 * never for a time: the limit only ends a test that fails. */
#ifndef JETON_TESTS_POOL_FIXTURE_H
#define JETON_TESTS_POOL_FIXTURE_H

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

enum { LIMIT = 40000 }; /* milliseconds */

/* -- the verifier ------------------------------------------------------------------------------ */

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER;
static bool gate_is_open;
static atomic_uint hanging, asked, departed;
static pthread_key_t at_its_end;
static atomic_bool no_threads; /* pthread_create() fails */
static atomic_int let_go_uid;  /* whose jobs do not hang; -1: nobody's */

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                   void *argument)
{
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *),
                void *) = (int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *),
                                   void *))(uintptr_t)dlsym(RTLD_NEXT, "pthread_create");

    return no_threads ? EAGAIN : real(thread, attributes, run, argument);
}

static void hang(uid_t uid)
{
    pthread_mutex_lock(&gate);
    hanging++;
    while (!gate_is_open && (int)uid != let_go_uid)
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
        hang(q->peer_uid);
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
static unsigned arrived, unanswered, ended, displaced;
static struct jeton_answer last;
static char order[256]; /* who was answered, a letter for each: "abab" */

static void arrive(struct mail *mail)
{
    struct job *job = (struct job *)mail;

    arrived++;
    unanswered += job->outcome == JETON_VERIFIER_ERROR && !job->ended_its_thread;
    ended += job->ended_its_thread;
    displaced += job->displaced;
    order[strlen(order)] = (char)('a' + job->question.peer_uid);
    last = job->answer;
    job_free(job);
}

static struct job *new_job_of(uid_t uid, const char *value)
{
    const struct jeton_question q = {
        .value = value, .value_length = strlen(value), .service = "git", .peer_uid = uid
    };
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
    arrived = unanswered = ended = displaced = 0;
    memset(order, 0, sizeof(order));
    hanging = asked = departed = 0;
    gate_is_open = no_threads = false;
    let_go_uid = -1;
    return mailbox_init(&mailbox);
}

static int tidy(void **state)
{
    (void)state;
    mailbox_destroy(&mailbox);
    return 0;
}

#endif
