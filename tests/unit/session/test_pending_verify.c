/* SPDX-License-Identifier: Apache-2.0 */
/* Verifications of one session that wait for verifiers on a pool.  The verifier unit_hangs hangs as
 * long as the file of notes exists, and then ignores the question; the local table decides. */
#include "tests/unit/support/session_fixture.h"

#define VALUE "a-value-that-nobody-has-imported-yet"
#define HANGS "unit_hangs deadline=10s"
#define CONFIG                                                                      \
    "[service slow]\nrequisite = " HANGS "\nsufficient = local\n"                   \
    "[service one]\nrequisite = " HANGS " threads=1\nsufficient = local\n"          \
    "[service full]\nrequisite = " HANGS " threads=1 queue=1\nsufficient = local\n" \
    "[service late]\nrequisite = unit_hangs deadline=20ms\nsufficient = local\n"    \
    "[service fast]\nrequired = unit_answers_blocking outcome=1 reason=10\n"        \
    "[service costly]\nrequisite = unit_costly threads=1 queue=2 deadline=10s\n"    \
    "sufficient = local\n"                                                          \
    "[service tardy]\nrequisite = unit_costly threads=1 queue=1 deadline=20ms\n"    \
    "sufficient = local\n"                                                          \
    "[service narrow]\nrequisite = local\nrequisite = require scope=a\n"

static void let_them_go(void)
{
    unlink(in_directory("notes"));
}

static void make_them_hang(void)
{
    int fd = open(in_directory("notes"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    close(fd);
}

/* Wait until this many verifiers hang. */
static void wait_for_hanging(off_t count)
{
    struct stat st;

    for (int i = 0; i < PATIENCE; i++, usleep(1000))
        if (stat(in_directory("notes"), &st) == 0 && st.st_size >= count)
            return;
    fail_msg("the verifier is not asked");
}

static int set_up(void **state)
{
    int result = make_directory(state);

    log_set_level(LOG_LEVEL_ERROR);
    bring("unit_hangs");
    bring("unit_costly");
    bring("unit_answers_blocking");
    start_server(CONFIG);
    open_session(ROLE_VERIFY);
    make_them_hang();
    return result;
}

static int tear_down(void **state)
{
    let_them_go();
    close_session();
    return tear_down_server(state);
}

static void ask(const char *service, unsigned times)
{
    char line[128];

    for (unsigned i = 0; i < times; i++) {
        snprintf(line, sizeof(line), "verify service=%s " VALUE "\n", service);
        put_input(line);
    }
}

static unsigned count(const char *text, const char *word)
{
    unsigned times = 0;

    for (; (text = strstr(text, word)) != NULL; text++)
        times++;
    return times;
}

static void what_is_decided_early_waits_for_what_was_asked_before_it(void **state)
{
    (void)state;
    ask("slow", 1);
    ask("fast", 1);
    put_input("verify " VALUE "\nping\n");
    run_session();
    assert_int_equal(session.pending, 3);
    assert_int_equal(session.jobs, 2);
    assert_int_equal(session.wait, SESSION_WAITS_FOR_ANSWERS);
    deliver_mail();
    assert_int_equal(session.jobs, 1);
    assert_string_equal(replies(), "");
    let_them_go();
    deliver_mail();
    assert_int_equal(session.pending, 0);
    const char *text = replies();
    assert_memory_equal(text, "NO unknown ", 11);
    text = strchr(text, '\n') + 1;
    assert_memory_equal(text, "NO denied ", 10);
    text = strchr(text, '\n') + 1;
    assert_memory_equal(text, "NO unknown ", 11);
    assert_int_equal(count(text, "\n"), 1);
    run_session();
    assert_string_equal(replies(), "OK\n");
}

static void what_no_pool_is_asked_for_is_answered_at_once(void **state)
{
    (void)state;
    ask("narrow", 3);
    run_session();
    assert_int_equal(session.pending, 0);
    assert_int_equal(count(replies(), "NO unknown "), 3);
}

static void sixteen_are_under_way_at_most(void **state)
{
    enum { ASKED = PENDING_VERIFY_MAX + 4 };
    unsigned answered = 0;

    (void)state;
    ask("slow", ASKED);
    run_session();
    assert_int_equal(session.pending, PENDING_VERIFY_MAX);
    assert_int_equal(session.jobs, PENDING_VERIFY_MAX);
    assert_int_equal(session.wait, SESSION_WAITS_FOR_ANSWERS);
    let_them_go();
    while (answered < ASKED) {
        deliver_mail();
        run_session();
        assert_true(session.pending <= PENDING_VERIFY_MAX);
        answered += count(replies(), "NO unknown ");
    }
    assert_int_equal(session.pending, 0);
    assert_int_equal(session.wait, SESSION_WAITS_FOR_INPUT);
}

static void one_that_is_late_is_given_up_and_lets_the_others_go_on(void **state)
{
    (void)state;
    ask("late", 1);
    put_input("verify " VALUE "\n");
    run_session();
    assert_int_equal(session.pending, 2);
    while (ready == 0)
        event_base_loop(worker.base, EVLOOP_ONCE);
    assert_int_equal(session.pending, 0);
    assert_int_equal(session.jobs, 0);
    const char *text = replies();
    assert_memory_equal(text, "ERR unavailable ", 16);
    assert_memory_equal(strchr(text, '\n') + 1, "NO unknown ", 11);
}

static void a_full_queue_is_an_answer_in_its_place(void **state)
{
    (void)state;
    ask("full", 1);
    run_session();
    wait_for_hanging(1);
    ask("full", 2);
    run_session();
    assert_int_equal(session.pending, 3);
    assert_int_equal(session.jobs, 2);
    assert_string_equal(replies(), "");
    let_them_go();
    while (session.pending > 0)
        deliver_mail();
    const char *text = replies();
    assert_int_equal(count(text, "NO unknown "), 2);
    assert_memory_equal(strchr(strchr(text, '\n') + 1, '\n') + 1, "ERR unavailable ", 16);
}

/* One computes and two are queued; the next one waits at the session, which begins no more. */
static void what_is_more_than_a_uids_places_waits_unread(void **state)
{
    unsigned answered = 0;

    (void)state;
    ask("costly", 8);
    run_session();
    assert_int_equal(session.jobs, 3);
    assert_int_equal(session.waiting, 1);
    assert_int_equal(session.pending, 4);
    assert_int_equal(session.wait, SESSION_WAITS_FOR_ANSWERS);
    let_them_go();
    while (answered < 8) {
        deliver_mail();
        run_session();
        assert_true(session.jobs <= 3 && session.pending <= 4);
        answered += count(replies(), "NO unknown ");
    }
    assert_int_equal(session.pending, 0);
    assert_null(session.share->places);
}

static void who_waits_for_a_place_in_vain_is_given_up_in_time(void **state)
{
    (void)state;
    ask("tardy", 3);
    run_session();
    assert_int_equal(session.waiting, 1);
    while (session.pending > 0)
        event_base_loop(worker.base, EVLOOP_ONCE);
    assert_int_equal(count(replies(), "ERR unavailable "), 3);
    assert_int_equal(session.jobs, 0);
    assert_null(session.share->places);
}

static void closing_leaves_its_places_to_others(void **state)
{
    struct session first = session; /* another connection of the same uid */
    static const char line[] = "verify service=costly " VALUE "\n";

    (void)state;
    for (int i = 0; i < 4; i++) {
        memcpy(iobuf_reserve(&first.in, sizeof(line)), line, sizeof(line) - 1);
        iobuf_commit(&first.in, sizeof(line) - 1);
    }
    worker.turn = endless_turn;
    dispatch_run(&first);
    dispatch_end(&first);
    assert_int_equal(first.jobs, 3);
    ask("costly", 1);
    run_session();
    assert_int_equal(session.waiting, 1);
    wait_for_hanging(1);
    first.state = SESSION_CLOSED;
    pending_verify_close(&first);
    assert_int_equal(first.jobs, 0);
    assert_int_equal(session.jobs, 1);
    assert_int_equal(session.waiting, 0);
    let_them_go();
    finish_session();
    assert_int_equal(count(replies(), "NO unknown "), 1);
    iobuf_free(&first.in);
    iobuf_free(&first.out);
}

static void closing_gives_up_what_waits_and_what_hangs(void **state)
{
    const struct stacks *stacks_held = server.stack_set->current;

    (void)state;
    ask("one", 3);
    run_session();
    wait_for_hanging(1);
    assert_int_equal(session.jobs, 3);
    assert_int_equal(atomic_load(&stacks_held->evaluations), 3);
    session.state = SESSION_CLOSED;
    pending_verify_close(&session);
    assert_false(session_is_away(&session));
    assert_null(session.first_pending);
    assert_int_equal(atomic_load(&stacks_held->evaluations), 0);
    assert_string_equal(replies(), "");
}

static void closing_waits_for_a_job_that_comes_back(void **state)
{
    struct pollfd wake = { .fd = worker.mailbox.wake, .events = POLLIN };

    (void)state;
    ask("fast", 1);
    ask("one", 2);
    run_session();
    assert_int_equal(poll(&wake, 1, PATIENCE), 1);
    session.state = SESSION_CLOSED;
    pending_verify_close(&session);
    assert_int_equal(session.jobs, 1);
    assert_true(session_is_away(&session));
    deliver_mail();
    assert_false(session_is_away(&session));
    assert_null(session.first_pending);
    assert_string_equal(replies(), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        TEST(what_is_decided_early_waits_for_what_was_asked_before_it),
        TEST(what_no_pool_is_asked_for_is_answered_at_once),
        TEST(sixteen_are_under_way_at_most),
        TEST(one_that_is_late_is_given_up_and_lets_the_others_go_on),
        TEST(a_full_queue_is_an_answer_in_its_place),
        TEST(what_is_more_than_a_uids_places_waits_unread),
        TEST(who_waits_for_a_place_in_vain_is_given_up_in_time),
        TEST(closing_leaves_its_places_to_others),
        TEST(closing_gives_up_what_waits_and_what_hangs),
        TEST(closing_waits_for_a_job_that_comes_back),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
