/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "plugin/gateway/peers.h"

enum { TURNS = 64, LOG_MAX = 1024 };

/* A connection that notes when it runs, and how often it wants to run again. */
struct fake {
    struct turn turn; /* first */
    int again;
    bool parks;
};

static struct peers peers;
static struct fake fake[TURNS];
static int order[LOG_MAX], ran;

static void run(struct turn *turn)
{
    struct fake *f = (struct fake *)turn;

    order[ran++] = (int)(f - fake);
    if (f->parks && !peers_may_ask(turn))
        peers_park(turn);
    else if (f->parks && f->again >= 0)
        turn->peer->waiting[turn->class] += (unsigned)(f->again-- >
                                                       0); /* it asks, or ends without a question */
    else if (f->again-- > 0)
        peers_queue(&peers, turn);
}

static void connect_fake(int number, uid_t uid, int again)
{
    fake[number] = (struct fake){ .turn = { .peer = peers_find(&peers, uid), .run = run },
                                  .again = again };
    assert_non_null(fake[number].turn.peer);
    fake[number].turn.peer->connections++;
}

static int begin(void **state)
{
    (void)state;
    peers_init(&peers);
    memset(fake, 0, sizeof(fake));
    ran = 0;
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (int i = 0; i < TURNS; i++) {
        if (fake[i].turn.peer == NULL)
            continue;
        peers_remove(&fake[i].turn);
        fake[i].turn.peer->connections--;
        peers_forget(&peers, fake[i].turn.peer);
    }
    return LIST_EMPTY(&peers.all) && !peers_due(&peers) ? 0 : -1;
}

static void run_all(void)
{
    while (peers_due(&peers))
        peers_run(&peers, 1000000000);
}

static void a_user_with_one_connection_waits_for_one_of_another(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        connect_fake(i, 33, 3);
        peers_queue(&peers, &fake[i].turn);
    }
    connect_fake(50, 1000, 3);
    peers_queue(&peers, &fake[50].turn);
    run_all();
    assert_int_equal(ran, 51 * 4);
    for (int i = 0; i < 4; i++) /* its turns are the second, fourth, sixth and eighth */
        assert_int_equal(order[2 * i + 1], 50);
}

static void connections_of_one_user_take_turns(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        connect_fake(i, 33, 1);
        peers_queue(&peers, &fake[i].turn);
        peers_queue(&peers, &fake[i].turn); /* once is enough */
    }
    run_all();
    const int wanted[] = { 0, 1, 2, 0, 1, 2 };
    assert_int_equal(ran, 6);
    assert_memory_equal(order, wanted, sizeof(wanted));
}

static void a_run_ends_with_its_time(void **state)
{
    (void)state;
    connect_fake(0, 33, 100);
    peers_queue(&peers, &fake[0].turn);
    peers_run(&peers, -1);
    assert_int_equal(ran, 1);
    assert_true(peers_due(&peers));
    run_all();
}

static void what_is_parked_runs_when_a_question_may_be_asked(void **state)
{
    (void)state;
    struct peer *peer;

    for (int i = 0; i < 10; i++) {
        connect_fake(i, 33, 1);
        fake[i].parks = true;
        peers_queue(&peers, &fake[i].turn);
    }
    peer = fake[0].turn.peer;
    peer->waiting[0] = PEERS_WAITING_MAX;
    run_all();
    assert_int_equal(ran, 10);
    peers_queue(&peers, &fake[3].turn); /* it is not to run before */
    peers_unpark(&peers, peer);
    assert_false(peers_due(&peers));
    peers_answered(&peers, &fake[0].turn);
    run_all();
    assert_int_equal(ran, 11); /* the first asks; the others do not try in vain */
    assert_int_equal(peer->waiting[0], PEERS_WAITING_MAX);
    peers_remove(&fake[1].turn);
    fake[2].again = 0;
    peers_answered(&peers, &fake[0].turn);
    run_all();
    assert_int_equal(order[ran - 1], 2); /* it did not ask */
    peers_unpark(&peers, peer);
    run_all();
    assert_int_equal(order[ran - 1], 3);
    assert_int_equal(ran, 13);
}

static void a_class_of_questions_holds_up_no_other(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        connect_fake(i, 33, 1);
        fake[i].parks = true;
        fake[i].turn.class = i % 2 == 0 ? 0 : PEERS_CLASSES - 1;
        fake[i].turn.peer->waiting[fake[i].turn.class] = PEERS_WAITING_MAX;
        peers_queue(&peers, &fake[i].turn);
    }
    run_all();
    assert_int_equal(ran, 4);
    peers_answered(&peers, &fake[1].turn);
    run_all();
    assert_int_equal(ran, 5);
    assert_int_equal(order[4], 1);
    peers_remove(&fake[0].turn);
    peers_answered(&peers, &fake[0].turn);
    run_all();
    assert_int_equal(order[ran - 1], 2);
    assert_int_equal(fake[3].turn.peer->parked_turns, 1);
}

static void the_user_with_most_connections_is_found(void **state)
{
    (void)state;
    assert_null(peers_greatest(&peers));
    connect_fake(0, 1, 0);
    connect_fake(1, 2, 0);
    connect_fake(2, 2, 0);
    connect_fake(3, PEERS_TCP, 0);
    assert_int_equal(peers_greatest(&peers)->uid, 2);
    assert_ptr_equal(peers_find(&peers, 2), fake[1].turn.peer);
    peers_forget(&peers, fake[1].turn.peer); /* who has connections is not forgotten */
    assert_ptr_equal(peers_find(&peers, 2), fake[1].turn.peer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_user_with_one_connection_waits_for_one_of_another),
        TEST(connections_of_one_user_take_turns),
        TEST(a_run_ends_with_its_time),
        TEST(what_is_parked_runs_when_a_question_may_be_asked),
        TEST(a_class_of_questions_holds_up_no_other),
        TEST(the_user_with_most_connections_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
