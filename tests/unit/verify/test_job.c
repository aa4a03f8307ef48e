/* SPDX-License-Identifier: Apache-2.0 */
/* What an job is, and that none is lost or doubled when many threads send, judge, give up and
 * end at once. */
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

enum { SENDERS = 3, ERRANDS = 20000, LIMIT = 20000 };

static void an_errand_has_copies_of_everything(void **state)
{
    (void)state;
    char value[] = "val\0ue", service[] = "git", scopes[] = "a,b", subject[] = "alice";
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
    };
    struct job *e = job_new(&q);

    memset(value, 'x', 6);
    service[0] = scopes[0] = subject[0] = who.subject[0] = 'x';
    groups[2] = 0;
    assert_memory_equal(e->question.value, "val\0ue", 7);
    assert_int_equal(e->question.value_length, 6);
    assert_string_equal(e->question.service, "git");
    assert_string_equal(e->question.scopes, "a,b");
    assert_string_equal(e->question.subject, "alice");
    assert_string_equal(e->question.identity->subject, "alice");
    assert_int_equal(e->question.peer_groups[2], 9);
    assert_int_equal(e->question.now + e->question.deadline, 3);
    assert_int_equal(e->question.peer_uid * 10 + e->question.peer_gid, 34);
    assert_int_equal(e->answer.identity.expires, JETON_VERIFIER_NEVER);
    assert_int_equal(e->outcome, JETON_VERIFIER_ERROR);
    job_free(e);
    job_free(NULL);
}

static void what_was_not_said_is_not_there_in_the_copy(void **state)
{
    (void)state;
    const struct jeton_question q = { .value = "", .service = "other" };
    struct job *e = job_new(&q);

    assert_string_equal(e->question.value, "");
    assert_null(e->question.scopes);
    assert_null(e->question.subject);
    assert_null(e->question.identity);
    assert_null(e->question.peer_groups);
    job_free(e);
}

/* -- a crowd ----------------------------------------------------------------------------------- */

enum fate { UNSENT, OUT, HOME, GIVEN_UP, REFUSED };

/* One thread that sends.  What becomes of each job is written down. */
struct sender {
    pthread_t thread;
    struct thread_pool *pool;
    struct mailbox box;
    unsigned seed;
    unsigned sent;
    struct job *job[ERRANDS]; /* while it is out */
    unsigned char fate[ERRANDS];
    unsigned faults;
    unsigned count[REFUSED + 1];
};

/* An job's sender and its number, for when it comes home. */
struct note {
    struct sender *sender;
    unsigned number;
};

static struct sender sender[SENDERS];
static struct note notes[SENDERS][ERRANDS];

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
    s->faults += s->fate[number] != OUT;
    s->fate[number] = (unsigned char)fate;
    s->job[number] = NULL;
    s->count[fate]++;
}

static void arrive(struct mail *mail)
{
    struct job *e = (struct job *)mail;
    const struct note *note = e->sender;
    bool ends = e->question.value[0] == 'e';

    /* Judged as its value says, or at the end not at all. */
    note->sender->faults += e->ended_its_thread && !ends;
    note->sender->faults += e->outcome != JETON_VERIFIER_FAIL && e->outcome != JETON_VERIFIER_ERROR;
    settle(note->sender, note->number, HOME);
    job_free(e);
}

static void send_one(struct sender *s)
{
    static const char *const values[] = { "answer", "yield", "sleep", "answer" };
    const char *value = coin(s, 200) == 0 ? "end" : values[coin(s, 4)];
    const struct jeton_question q = { .value = value,
                                      .value_length = strlen(value),
                                      .service = "git" };
    unsigned number = s->sent++;
    struct job *e = job_new(&q);

    notes[s - sender][number] = (struct note){ s, number };
    e->mail.on_delivery = arrive;
    e->reply_to = &s->box;
    e->sender = &notes[s - sender][number];
    s->fate[number] = OUT;
    s->job[number] = e;
    if (thread_pool_submit(s->pool, e))
        return;
    job_free(e);
    settle(s, number, REFUSED);
}

/* One of those sent lately, if it is out. */
static void give_one_up(struct sender *s)
{
    unsigned back = coin(s, 8) + 1;
    unsigned number = s->sent >= back ? s->sent - back : 0;

    if (s->job[number] != NULL && thread_pool_cancel(s->job[number]) != JOB_COMING)
        settle(s, number, GIVEN_UP);
}

static void *be_busy(void *argument)
{
    struct sender *s = argument;

    while (s->sent < ERRANDS) {
        send_one(s);
        if (coin(s, 3) == 0)
            give_one_up(s);
        if (coin(s, 4) == 0)
            sched_yield();
        mailbox_deliver(&s->box, SIZE_MAX);
    }
    return NULL;
}

static void crowd_begins(struct thread_pool *p)
{
    memset(sender, 0, sizeof(sender));
    for (unsigned i = 0; i < SENDERS; i++) {
        sender[i].seed = i + 1;
        sender[i].pool = p;
        assert_int_equal(mailbox_init(&sender[i].box), 0);
        assert_int_equal(pthread_create(&sender[i].thread, NULL, be_busy, &sender[i]), 0);
    }
}

static void no_errand_is_lost_or_doubled_in_a_crowd(void **state)
{
    (void)state;
    unsigned total[REFUSED + 1] = { 0 };
    struct thread_pool *p = thread_pool_new(&verifier, NULL, 3, 16);

    assert_non_null(p);
    crowd_begins(p);
    for (unsigned i = 0; i < SENDERS; i++)
        pthread_join(sender[i].thread, NULL);
    assert_true(thread_pool_stop(p, LIMIT)); /* with jobs under way */
    for (unsigned i = 0; i < SENDERS; i++) {
        mailbox_deliver(&sender[i].box, SIZE_MAX);
        assert_int_equal(sender[i].faults, 0);
        for (unsigned number = 0; number < ERRANDS; number++)
            assert_in_range(sender[i].fate[number], HOME, REFUSED);
        for (unsigned fate = 0; fate <= REFUSED; fate++)
            total[fate] += sender[i].count[fate];
        mailbox_destroy(&sender[i].box);
    }
    assert_int_equal(total[HOME] + total[GIVEN_UP] + total[REFUSED], SENDERS * ERRANDS);
    print_message("home %u, given up %u, refused %u\n", total[HOME], total[GIVEN_UP],
                  total[REFUSED]);
    assert_true(total[HOME] > 0 && total[GIVEN_UP] > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_errand_has_copies_of_everything),
        cmocka_unit_test(what_was_not_said_is_not_there_in_the_copy),
        cmocka_unit_test(no_errand_is_lost_or_doubled_in_a_crowd),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
