/* SPDX-License-Identifier: Apache-2.0 */
/* Which sessions of a worker run, and when: first bare sessions that record their turns, then real
 * connections whose clients the test acts for. */
#include "tests/unit/support/session_fixture.h"

#include "daemon/net/conn.h"

enum { SESSIONS = 6 };

static struct session bare[SESSIONS];
static char turns[64];           /* of bare sessions in order, one letter each: "abca" */
static unsigned wants[SESSIONS]; /* slots that each takes in its next turns, one a turn */
static bool yields[SESSIONS];    /* it yields at each turn */

static int set_up(void **state)
{
    int result = make_directory(state);

    log_set_level(LOG_LEVEL_ERROR);
    start_server("");
    return result;
}

static int tear_down(void **state)
{
    stop_server();
    return remove_directory(state);
}

/* -- bare sessions --------------------------------------------------------------------------- */

static void take_turn(struct session *s)
{
    size_t i = (size_t)(s - bare), len = strlen(turns);

    assert_true(len + 1 < sizeof(turns));
    turns[len] = (char)('a' + i);
    turns[len + 1] = '\0';
    scheduler_begin(s);
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
    for (int i = 0; i < SESSIONS; i++) {
        wants[i] = 0;
        yields[i] = false;
        bare[i] = (struct session){
            .worker = &worker,
            .role = i < SESSIONS - 2 ? ROLE_VERIFY : ROLE_ADMIN,
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

/* -- connections ----------------------------------------------------------------------------- */

static int connect_client(enum role role)
{
    struct peercred peer;
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    assert_int_equal(peercred_read(fds[0], &peer), 0);
    assert_true(client_limit_acquire(server.client_limit, peer.uid, role == ROLE_ADMIN));
    struct conn *c = conn_new(&worker, fds[0], role, &peer);
    assert_non_null(c);
    mailbox_post(&worker.mailbox, conn_mail(c));
    assert_true(scheduler_deliver_mail(&worker));
    return fds[1];
}

static void send_text(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

/* Return everything received so far. */
static const char *received(int fd)
{
    static char text[8192];
    ssize_t len = read(fd, text, sizeof(text) - 1);

    text[len > 0 ? len : 0] = '\0';
    return text;
}

/* Run one turn of the event loop. */
static void turn(void)
{
    event_base_loop(worker.base, EVLOOP_NONBLOCK);
}

static uint64_t connections(void)
{
    return client_limit_stats(server.client_limit).now;
}

static void all_clients_of_a_turn_are_answered_in_it(void **state)
{
    int fd[3];

    (void)state;
    for (int i = 0; i < 3; i++) {
        fd[i] = connect_client(ROLE_VERIFY);
        send_text(fd[i], "verify a-value-that-nobody-has-imported-yet\n");
    }
    turn();
    turn();
    for (int i = 0; i < 3; i++) {
        assert_memory_equal(received(fd[i]), "NO unknown ", 11);
        close(fd[i]);
    }
    turn();
    assert_int_equal(connections(), 0);
}

static void changes_wait_for_slots_in_the_order_in_which_they_came(void **state)
{
    /* The first one queues for its second change before the others come. */
    static const int order[] = { 0, 0, 1, 2, 1, 2 };
    int fd[3];

    (void)state;
    worker.class[CLASS_ADMINS].max = 1;
    for (int i = 0; i < 3; i++) {
        fd[i] = connect_client(ROLE_ADMIN);
        send_text(fd[i], "create\ncreate\n");
        turn();
    }
    for (size_t n = 0; n < sizeof(order) / sizeof(order[0]); n++) {
        write_changes();
        turn();
        for (int i = 0; i < 3; i++)
            assert_memory_equal(received(fd[i]), i == order[n] ? "OK id=" : "",
                                i == order[n] ? 6 : 1);
    }
    for (int i = 0; i < 3; i++)
        close(fd[i]);
    turn();
    assert_int_equal(connections(), 0);
}

static void a_client_that_leaves_the_queue_lets_the_next_one_in(void **state)
{
    int fd[3];

    (void)state;
    worker.class[CLASS_ADMINS].max = 1;
    for (int i = 0; i < 3; i++) {
        fd[i] = connect_client(ROLE_ADMIN);
        send_text(fd[i], "create\n");
        turn();
    }
    close(fd[0]); /* its change is under way, and its connection counts until that is done */
    conn_close(conn_next(worker.conns));
    turn();
    assert_int_equal(connections(), 2);
    write_changes();
    turn();
    write_changes();
    turn();
    assert_memory_equal(received(fd[2]), "OK id=", 6);
    assert_int_equal(read(fd[1], turns, sizeof(turns)), 0);
    close(fd[1]);
    close(fd[2]);
    turn();
    assert_int_equal(connections(), 0);
}

static void closing_a_batched_connection_leaves_the_batch_to_others(void **state)
{
    int fd[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        fd[i] = connect_client(ROLE_VERIFY);
        send_text(fd[i], "verify a-value-that-nobody-has-imported-yet\n");
    }
    struct session *s[2] = { (struct session *)conn_next(worker.conns),
                             (struct session *)worker.conns };
    for (int i = 0; i < 2; i++) {
        char *space = iobuf_reserve(&s[i]->in, 64);
        ssize_t len = read(s[i]->fd, space, 64);
        assert_true(len > 0);
        iobuf_commit(&s[i]->in, (size_t)len);
        dispatch_run(s[i]);
        scheduler_batch(s[i]);
    }
    assert_int_equal(worker.batch.count, 2);
    conn_close((struct conn *)s[0]);
    assert_int_equal(worker.batch.count, 0);
    assert_int_equal(connections(), 1);
    scheduler_end_turn(&worker);
    assert_memory_equal(received(fd[1]), "NO unknown ", 11);
    close(fd[0]);
    close(fd[1]);
    turn();
    assert_int_equal(connections(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        TEST(a_session_that_is_scheduled_twice_runs_once),
        TEST(a_batched_run_is_ended_and_not_begun_again),
        TEST(one_that_runs_before_its_turn_has_had_it),
        TEST(those_that_yield_go_last_and_once_a_turn),
        TEST(who_yields_wakes_the_worker),
        TEST(slots_are_granted_first_come_first_served_by_class),
        TEST(a_scheduled_session_keeps_its_place_in_the_queue),
        TEST(a_closed_session_is_in_no_list),
        TEST(all_clients_of_a_turn_are_answered_in_it),
        TEST(changes_wait_for_slots_in_the_order_in_which_they_came),
        TEST(a_client_that_leaves_the_queue_lets_the_next_one_in),
        TEST(closing_a_batched_connection_leaves_the_batch_to_others),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
