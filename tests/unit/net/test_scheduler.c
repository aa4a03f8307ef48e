/* SPDX-License-Identifier: Apache-2.0 */
/* Which sessions of a worker run, and when: bare sessions that record their turns. */
#include "tests/unit/support/session_fixture.h"

enum { SESSIONS = 6 };

static struct session bare[SESSIONS];
static char turns[64];             /* of bare sessions in order, one letter each: "abca" */
static unsigned wants[SESSIONS];   /* slots that each takes in its next turns, one a turn */
static bool yields[SESSIONS];      /* it yields at each turn */
static struct uid_share shares[2]; /* of the first three bare sessions, and of the others */

static bool takes_a_whole_turn; /* each bare session */

static int set_up(void **state)
{
    return set_up_server(state, "");
}

/* -- bare sessions --------------------------------------------------------------------------- */

static void take_turn(struct session *s)
{
    size_t i = (size_t)(s - bare), len = strlen(turns);

    assert_true(len + 1 < sizeof(turns));
    turns[len] = (char)('a' + i);
    turns[len + 1] = '\0';
    scheduler_begin(s);
    if (takes_a_whole_turn)
        worker.turn = (struct turn){ .ends = 1, .now = 1 };
    s->wait = SESSION_WAITS_FOR_INPUT;
    if (wants[i] > 0 && s->state == SESSION_GRANTED) {
        wants[i]--;
        session_class(s)->outstanding++;
    }
    if (yields[i])
        s->wait = SESSION_WAITS_FOR_OTHERS;
    else if (wants[i] > 0)
        s->wait = SESSION_WAITS_FOR_SLOT;
    scheduler_end_run(s);
    scheduler_park(s);
}

/* Make the bare sessions; the last two are administrators. */
static void make_bare(void)
{
    turns[0] = '\0';
    for (int i = 0; i < 2; i++)
        uid_share_init(&shares[i]);
    for (int i = 0; i < SESSIONS; i++) {
        wants[i] = 0;
        yields[i] = false;
        bare[i] = (struct session){
            .worker = &worker,
            .role = i < SESSIONS - 2 ? ROLE_VERIFY : ROLE_ADMIN,
            .share = &shares[i / 3],
            .on_turn = take_turn,
        };
    }
}

static void wait_for_slot(int i, unsigned slots)
{
    wants[i] = slots;
    bare[i].wait = SESSION_WAITS_FOR_SLOT;
    scheduler_park(&bare[i]);
}

static void assert_turns(const char *expected)
{
    assert_string_equal(turns, expected);
    turns[0] = '\0';
}

static void a_session_that_is_scheduled_twice_runs_once(void **state)
{
    (void)state;
    make_bare();
    scheduler_schedule(&bare[1]);
    scheduler_schedule(&bare[0]);
    scheduler_schedule(&bare[1]);
    scheduler_batch(&bare[2]);
    scheduler_schedule(&bare[2]);
    scheduler_end_turn(&worker);
    assert_turns("bac");
    scheduler_end_turn(&worker);
    assert_turns("");
    assert_int_equal(bare[2].state, SESSION_IDLE);
}

static void a_batched_run_is_ended_and_not_begun_again(void **state)
{
    (void)state;
    make_bare();
    scheduler_batch(&bare[0]);
    scheduler_batch(&bare[1]);
    scheduler_unbatch(&bare[1]);
    assert_false(scheduler_begin(&bare[0]));
    assert_true(scheduler_begin(&bare[1]));
    assert_true(scheduler_begin(&bare[2]));
    scheduler_end_turn(&worker);
    assert_turns("");
}

static void one_that_runs_before_its_turn_has_had_it(void **state)
{
    (void)state;
    make_bare();
    for (int i = 0; i < 3; i++)
        scheduler_schedule(&bare[i]);
    take_turn(&bare[1]);
    scheduler_end_turn(&worker);
    assert_turns("bac");
}

static void those_that_yield_go_last_and_once_a_turn(void **state)
{
    (void)state;
    make_bare();
    yields[0] = yields[1] = true;
    take_turn(&bare[0]);
    take_turn(&bare[1]);
    scheduler_schedule(&bare[2]);
    scheduler_schedule(&bare[0]); /* it has a turn already */
    assert_turns("ab");
    assert_true(scheduler_deliver_mail(&worker));
    assert_turns("cab");
    yields[0] = false;
    assert_true(scheduler_deliver_mail(&worker));
    assert_turns("ab");
    assert_true(scheduler_deliver_mail(&worker));
    assert_turns("b");
    scheduler_end_turn(&worker); /* without mail it goes on waiting */
    assert_turns("");
    scheduler_close(&bare[1]);
}

static void uids_take_turns_whatever_they_have_due(void **state)
{
    (void)state;
    make_bare();
    for (int i = 0; i < 5; i++)
        scheduler_queue(&bare[i], true);
    scheduler_end_turn(&worker);
    assert_turns("adbec");
    assert_true(scheduler_is_free(&worker));
}

/* The next turn begins with the uid after the last. */
static void a_turn_that_is_over_leaves_the_rest_to_the_next(void **state)
{
    struct pollfd wake = { .fd = worker.mailbox.wake, .events = POLLIN };

    (void)state;
    make_bare();
    for (int i = 0; i < 4; i++)
        scheduler_queue(&bare[i], true);
    for (const char *turn = "adbc"; *turn != '\0'; turn++) {
        char expected[] = { *turn, '\0' };
        takes_a_whole_turn = true;
        scheduler_end_turn(&worker);
        assert_turns(expected);
        assert_int_equal(poll(&wake, 1, 0), turn[1] != '\0');
        mailbox_take(&worker.mailbox);
    }
    takes_a_whole_turn = false;
}

static void one_that_is_due_and_closed_is_forgotten(void **state)
{
    (void)state;
    make_bare();
    for (int i = 0; i < 4; i++)
        scheduler_queue(&bare[i], true);
    scheduler_close(&bare[3]);
    scheduler_close(&bare[1]);
    scheduler_end_turn(&worker);
    assert_turns("ac");
}

static void who_yields_wakes_the_worker(void **state)
{
    struct pollfd wake = { .fd = worker.mailbox.wake, .events = POLLIN };

    (void)state;
    make_bare();
    assert_int_equal(poll(&wake, 1, 0), 0);
    yields[0] = true;
    take_turn(&bare[0]);
    assert_int_equal(poll(&wake, 1, 0), 1);
    scheduler_close(&bare[0]);
}

static void slots_are_granted_first_come_first_served_by_class(void **state)
{
    struct change_class *others = &worker.class[CLASS_OTHERS];
    struct change_class *admins = &worker.class[CLASS_ADMINS];

    (void)state;
    make_bare();
    others->max = others->outstanding = 1;
    admins->max = 2;
    admins->outstanding = 1;
    wait_for_slot(2, 2);
    wait_for_slot(0, 1);
    wait_for_slot(1, 1);
    wait_for_slot(5, 1);
    wait_for_slot(4, 1);
    scheduler_end_turn(&worker);
    assert_turns("f"); /* the other class being full does not affect an administrator */
    others->outstanding = 0;
    scheduler_end_turn(&worker);
    assert_turns("c");
    others->max = 3;
    scheduler_end_turn(&worker);
    assert_turns("ab"); /* c was granted a slot, and is behind them again */
    others->outstanding = 0;
    admins->outstanding = 0;
    scheduler_end_turn(&worker);
    assert_turns("ce");
    assert_int_equal(others->outstanding, 1);
    assert_true(TAILQ_EMPTY(&others->waiting) && TAILQ_EMPTY(&admins->waiting));
}

static void uids_take_turns_at_slots_however_many_sessions_wait(void **state)
{
    struct change_class *others = &worker.class[CLASS_OTHERS];

    (void)state;
    make_bare();
    others->max = others->outstanding = 1;
    wait_for_slot(0, 2);
    wait_for_slot(1, 1);
    wait_for_slot(2, 1);
    wait_for_slot(3, 2); /* the other uid's only one */
    for (const char *turn = "adbdca"; *turn != '\0'; turn++) {
        char expected[] = { *turn, '\0' };
        others->outstanding = 0;
        scheduler_end_turn(&worker);
        assert_turns(expected);
    }
    assert_true(TAILQ_EMPTY(&others->waiting));
}

static void a_scheduled_session_keeps_its_place_in_the_queue(void **state)
{
    struct change_class *others = &worker.class[CLASS_OTHERS];

    (void)state;
    make_bare();
    others->max = others->outstanding = 1;
    wait_for_slot(0, 1);
    wait_for_slot(1, 1);
    scheduler_schedule(&bare[0]);
    scheduler_end_turn(&worker);
    assert_turns("a");
    others->outstanding = 0;
    scheduler_end_turn(&worker);
    assert_turns("a");
    others->outstanding = 0;
    scheduler_end_turn(&worker);
    assert_turns("b");
}

static void a_closed_session_is_in_no_list(void **state)
{
    struct change_class *others = &worker.class[CLASS_OTHERS];

    (void)state;
    make_bare();
    others->max = others->outstanding = 1;
    for (int i = 0; i < 3; i++)
        wait_for_slot(i, 1);
    for (int i = 0; i < 3; i++)
        scheduler_schedule(&bare[i]);
    scheduler_close(&bare[2]);
    scheduler_close(&bare[0]);
    others->outstanding = 0;
    scheduler_schedule(&bare[0]);
    scheduler_end_turn(&worker);
    assert_turns("bb"); /* once as it was scheduled, once with the slot */
    assert_int_equal(bare[0].state, SESSION_CLOSED);
    yields[1] = true;
    take_turn(&bare[1]);
    scheduler_close(&bare[1]);
    scheduler_deliver_mail(&worker);
    assert_turns("b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down_server)
        TEST(a_session_that_is_scheduled_twice_runs_once),
        TEST(a_batched_run_is_ended_and_not_begun_again),
        TEST(one_that_runs_before_its_turn_has_had_it),
        TEST(those_that_yield_go_last_and_once_a_turn),
        TEST(uids_take_turns_whatever_they_have_due),
        TEST(a_turn_that_is_over_leaves_the_rest_to_the_next),
        TEST(one_that_is_due_and_closed_is_forgotten),
        TEST(who_yields_wakes_the_worker),
        TEST(slots_are_granted_first_come_first_served_by_class),
        TEST(uids_take_turns_at_slots_however_many_sessions_wait),
        TEST(a_scheduled_session_keeps_its_place_in_the_queue),
        TEST(a_closed_session_is_in_no_list),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
