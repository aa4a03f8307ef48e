/* SPDX-License-Identifier: Apache-2.0 */
/* The turns of real connections, whose clients the test acts for. */
#include "tests/unit/support/session_fixture.h"

#include "daemon/net/conn.h"
#include "daemon/net/conn_private.h"
#include "daemon/net/shed.h"

static int set_up(void **state)
{
    return set_up_server(state, "");
}

static int connect_client(enum role role)
{
    struct client_excess excess;
    struct peercred peer;
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    assert_int_equal(peercred_read(fds[0], &peer), 0);
    assert_true(client_limit_acquire(server.client_limit, peer.uid, role == ROLE_ADMIN,
                                     CLIENT_UNTRUSTED, &excess));
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

/* Clients whose changes are refused take no slot, so that the next one has it in the same turn. */
static void those_that_waited_for_a_slot_do_not_all_run_in_one_turn(void **state)
{
    enum { CLIENTS = 80, MOST = 32 };
    int fd[CLIENTS], answered = 0;

    (void)state;
    worker.class[CLASS_OTHERS].max = 0;
    for (int i = 0; i < CLIENTS; i++) {
        fd[i] = connect_client(ROLE_VERIFY);
        send_text(fd[i], "revoke token=\"a-value-that-nobody-has-imported-yet\"\n");
        turn();
    }
    worker.class[CLASS_OTHERS].max = 1;
    scheduler_end_turn(&worker);
    for (int i = 0; i < CLIENTS; i++)
        answered += received(fd[i])[0] != '\0';
    assert_in_range(answered, 1, MOST);
    for (int i = 0; i < CLIENTS / MOST; i++)
        turn(); /* the worker wakes itself */
    for (int i = 0; i < CLIENTS; i++) {
        answered += received(fd[i])[0] != '\0';
        close(fd[i]);
    }
    assert_int_equal(answered, CLIENTS);
    turn();
    assert_int_equal(connections(), 0);
}

static void a_client_that_leaves_the_queue_lets_the_next_one_in(void **state)
{
    int fd[3];
    char byte;

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
    assert_int_equal(read(fd[1], &byte, 1), 0);
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

/* Make a connection look as if nothing had moved on it for so many seconds. */
static void age(struct conn *c, int seconds)
{
    c->active -= seconds;
}

static void the_longest_idle_connections_of_a_uid_are_closed_first(void **state)
{
    const struct client_excess two = { geteuid(), 2 }, others = { geteuid() + 1, 2 };
    int fd[4];
    char byte;

    (void)state;
    for (int i = 0; i < 4; i++) {
        fd[i] = connect_client(i == 3 ? ROLE_ADMIN : ROLE_VERIFY);
        age(worker.conns, i == 0 ? 50 : i == 1 ? 20 : i == 2 ? 30 : 90);
    }
    shed_connections(&server, &others);
    turn();
    assert_int_equal(connections(), 4);
    shed_connections(&server, &two);
    turn();
    assert_int_equal(connections(), 2);
    assert_int_equal(read(fd[0], &byte, 1), 0);
    assert_int_equal(read(fd[2], &byte, 1), 0);
    assert_int_equal(client_limit_stats(server.client_limit).shed, 2);
    for (int i = 0; i < 4; i++)
        close(fd[i]);
    turn();
    assert_int_equal(connections(), 0);
}

static void a_connection_with_something_under_way_is_closed_last(void **state)
{
    const struct client_excess one = { geteuid(), 1 };
    int busy = connect_client(ROLE_VERIFY), idle;
    char byte;

    (void)state;
    send_text(busy, "verify ");
    turn();
    age(worker.conns, 9);
    worker.conns->session.pending = 1;
    worker.conns->session.jobs = 1;
    idle = connect_client(ROLE_VERIFY);
    shed_connections(&server, &one);
    turn();
    assert_int_equal(read(idle, &byte, 1), 0);
    worker.conns->session.pending = worker.conns->session.jobs = 0;
    shed_connections(&server, &one);
    turn();
    assert_int_equal(read(busy, &byte, 1), 0);
    close(idle);
    close(busy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down_server)
        TEST(all_clients_of_a_turn_are_answered_in_it),
        TEST(changes_wait_for_slots_in_the_order_in_which_they_came),
        TEST(those_that_waited_for_a_slot_do_not_all_run_in_one_turn),
        TEST(a_client_that_leaves_the_queue_lets_the_next_one_in),
        TEST(closing_a_batched_connection_leaves_the_batch_to_others),
        TEST(the_longest_idle_connections_of_a_uid_are_closed_first),
        TEST(a_connection_with_something_under_way_is_closed_last),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
