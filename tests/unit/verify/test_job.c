/* SPDX-License-Identifier: Apache-2.0 */
/* Check that no job is lost or returned twice when many threads submit, run, cancel and end at
 * once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/verify/thread_pool.h"

enum { SENDERS = 3, JOBS = 20000, LIMIT = 40000 };

static void a_job_has_copies_of_everything(void **state)
{
    (void)state;
    char value[] = "val\0ue", service[] = "git", scopes[] = "a,b", subject[] = "alice",
         client[] = "192.0.2.1";
    gid_t groups[] = { 7, 8, 9 };
    struct jeton_identity who = { .expires = 5, .subject = "alice" };
    const struct jeton_question q = {
        .value = value,
        .value_length = 6,
        .service = service,
        .scopes = scopes,
        .subject = subject,
        .identity = &who,
        .now = 1,
        .deadline = 2,
        .peer_uid = 3,
        .peer_gid = 4,
        .peer_group_count = 3,
        .peer_groups = groups,
        .client = client,
    };
    struct job *job = job_new(&q);
    memset(value, 'x', 6);
    service[0] = scopes[0] = subject[0] = client[0] = who.subject[0] = 'x';
    groups[2] = 0;
    assert_memory_equal(job->question.value, "val\0ue", 7);
    assert_int_equal(job->question.value_length, 6);
    assert_string_equal(job->question.service, "git");
    assert_string_equal(job->question.scopes, "a,b");
    assert_string_equal(job->question.subject, "alice");
    assert_string_equal(job->question.client, "192.0.2.1");
    assert_string_equal(job->question.identity->subject, "alice");
    assert_int_equal(job->question.peer_groups[2], 9);
    assert_int_equal(job->question.now * 10 + job->question.deadline, 12);
    assert_int_equal(job->question.peer_uid * 10 + job->question.peer_gid, 34);
    assert_int_equal(job->answer.identity.expires, JETON_VERIFIER_NEVER);
    assert_int_equal(job->outcome, JETON_VERIFIER_ERROR);
    job_free(job);
}

static void what_is_absent_is_absent_in_the_copy(void **state)
{
    (void)state;
    const struct jeton_question q = { .value = "", .service = "other" };
    struct job *job = job_new(&q);

    assert_string_equal(job->question.value, "");
    assert_null(job->question.scopes);
    assert_null(job->question.subject);
    assert_null(job->question.identity);
    assert_null(job->question.peer_groups);
    assert_null(job->question.client);
    job_free(job);
    job_free(NULL);
}

/* -- many -------------------------------------------------------------------------------------- */

enum fate { UNSENT, SUBMITTED, RETURNED, CANCELLED, REFUSED };

/* One thread that submits jobs, and records what becomes of each. */
struct sender {
    pthread_t thread;
    struct thread_pool *pool;
    struct mailbox box;
    unsigned seed;
    unsigned sent;
    struct job *job[JOBS]; /* while it is submitted */
    unsigned char fate[JOBS];
    unsigned faults;
    unsigned count[REFUSED + 1];
};

/* A job's sender and number, for when it is returned. */
struct note {
    struct sender *sender;
    unsigned number;
};

static struct sender sender[SENDERS];
static struct note notes[SENDERS][JOBS];

static int verify(void *instance, const struct jeton_question *q, struct jeton_answer *a)
{
    (void)instance;
    if (q->value[0] == 'e')
        pthread_exit(NULL);
    if (q->value[0] == 'y')
        sched_yield();
    if (q->value[0] == 's')
        usleep(50);
    a->reason = JETON_REASON_DENIED;
    return JETON_VERIFIER_FAIL;
}

static const struct jeton_verifier verifier = { .abi = JETON_VERIFIER_ABI, .verify = verify };

static unsigned coin(struct sender *s, unsigned sides)
{
    s->seed = s->seed * 1103515245u + 12345u;
    return (s->seed >> 16) % sides;
}

static void settle(struct sender *s, unsigned number, enum fate fate)
{
    s->faults += s->fate[number] != SUBMITTED;
    s->fate[number] = (unsigned char)fate;
    s->job[number] = NULL;
    s->count[fate]++;
}

static void arrive(struct mail *mail)
{
    struct job *job = (struct job *)mail;
    const struct note *note = job->sender;
    bool ends = job->question.value[0] == 'e';

    /* The job ran as its value asks for, or not at all at the end. */
    note->sender->faults += job->ended_its_thread && !ends;
    note->sender->faults += job->outcome != JETON_VERIFIER_FAIL &&
                            job->outcome != JETON_VERIFIER_ERROR;
    settle(note->sender, note->number, RETURNED);
    job_free(job);
}

static void send_one(struct sender *s)
{
    static const char *const values[] = { "answer", "yield", "sleep", "answer" };
    const char *value = coin(s, 200) == 0 ? "end" : values[coin(s, 4)];
    const struct jeton_question q = { .value = value,
                                      .value_length = strlen(value),
                                      .service = "git" };
    unsigned number = s->sent++;
    struct job *job = job_new(&q);

    notes[s - sender][number] = (struct note){ s, number };
    job->mail.on_delivery = arrive;
    job->reply_to = &s->box;
    job->sender = &notes[s - sender][number];
    s->fate[number] = SUBMITTED;
    s->job[number] = job;
    if (thread_pool_submit(s->pool, job))
        return;
    job_free(job);
    settle(s, number, REFUSED);
}

/* Cancel one of the latest jobs, if it is still submitted. */
static void cancel_one(struct sender *s)
{
    unsigned back = coin(s, 8) + 1;
    unsigned number = s->sent >= back ? s->sent - back : 0;

    if (s->job[number] != NULL && thread_pool_cancel(s->job[number]) != JOB_RETURNING)
        settle(s, number, CANCELLED);
}

static void *send_many(void *argument)
{
    struct sender *s = argument;

    while (s->sent < JOBS) {
        send_one(s);
        if (coin(s, 3) == 0)
            cancel_one(s);
        if (coin(s, 4) == 0)
            sched_yield();
        mailbox_deliver(&s->box, SIZE_MAX);
    }
    return NULL;
}

static void start_senders(struct thread_pool *p)
{
    memset(sender, 0, sizeof(sender));
    for (unsigned i = 0; i < SENDERS; i++) {
        sender[i].seed = i + 1;
        sender[i].pool = p;
        assert_int_equal(mailbox_init(&sender[i].box), 0);
        assert_int_equal(pthread_create(&sender[i].thread, NULL, send_many, &sender[i]), 0);
    }
}

static void no_job_is_lost_or_doubled_among_many(void **state)
{
    (void)state;
    unsigned total[REFUSED + 1] = { 0 };
    struct thread_pool *p = thread_pool_new(&verifier, NULL, 3, 16);

    assert_non_null(p);
    start_senders(p);
    for (unsigned i = 0; i < SENDERS; i++)
        pthread_join(sender[i].thread, NULL);
    assert_true(thread_pool_stop(p, LIMIT)); /* with jobs queued and running */
    for (unsigned i = 0; i < SENDERS; i++) {
        mailbox_deliver(&sender[i].box, SIZE_MAX);
        assert_int_equal(sender[i].faults, 0);
        for (unsigned number = 0; number < JOBS; number++)
            assert_in_range(sender[i].fate[number], RETURNED, REFUSED);
        for (unsigned fate = 0; fate <= REFUSED; fate++)
            total[fate] += sender[i].count[fate];
        mailbox_destroy(&sender[i].box);
    }
    assert_int_equal(total[RETURNED] + total[CANCELLED] + total[REFUSED], SENDERS * JOBS);
    print_message("returned %u, cancelled %u, refused %u\n", total[RETURNED], total[CANCELLED],
                  total[REFUSED]);
    assert_true(total[RETURNED] > 0 && total[CANCELLED] > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_has_copies_of_everything),
        cmocka_unit_test(what_is_absent_is_absent_in_the_copy),
        cmocka_unit_test(no_job_is_lost_or_doubled_among_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
