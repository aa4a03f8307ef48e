/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/support/scripted_server.h"

/* -- replies ---------------------------------------------------------------------------------- */

static void three_in_pieces(int fd)
{
    static const char replies[] = "OK n=1\n* data=1\n* data=2\nNO revoked n=2\nERR busy n=\"3\"\n";

    for (int i = 0; i < 3; i++)
        wait_for_line(fd);
    for (size_t i = 0; i + 1 < sizeof(replies); i++) {
        (void)!send(fd, replies + i, 1, MSG_NOSIGNAL);
        sched_yield();
    }
    wait_for_line(fd);
}

static void replies_come_in_the_order_of_the_requests(void **state)
{
    (void)state;
    memset(&got, 0, sizeof(got));
    start_server(three_in_pieces);
    for (int i = 0; i < 3; i++)
        enqueue("ping\n", false, PATIENCE);
    wait_for_replies(PATIENCE);
    assert_int_equal(got.count, 3);
    assert_int_equal(got.status[0], STATUS_OK);
    assert_int_equal(got.status[1], STATUS_REVOKED);
    assert_int_equal(got.status[2], STATUS_BUSY);
    for (int i = 0; i < 3; i++)
        assert_int_equal(got.n[i][0], '1' + i);
    assert_true(connection_is_open(conn));
    stop_server();
}

static const char *scripted_reply;

static void send_reply(int fd)
{
    wait_for_line(fd);
    send_text(fd, scripted_reply);
    wait_for_line(fd);
}

static void a_word_of_a_later_version_is_a_refusal_or_no_answer(void **state)
{
    (void)state;
    scripted_reply = "NO full-moon n=1\n";
    assert_true(answered(send_reply, false));
    assert_int_equal(got.status[0], STATUS_DENIED);
    scripted_reply = "ERR full-moon\n";
    assert_true(answered(send_reply, false));
    assert_int_equal(got.status[0], STATUS_UNAVAILABLE);
}

static void malformed_replies_are_no_answer(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\n",
        " \n",
        "ok\n",
        "Ok n=1\n",
        "YES\n",
        "OK n=\"1\n",
        "OK n=\"\\q\"\n",
        "OK \xff\n",
        "OK\tn=1\n",
        "OK \x01\n",
        "NO\n",
        "ERR\n",
        "NO reason=revoked\n",
        "ERR n=1\n",
        "n=1 OK\n",
        "OKAY\n",
        "status=OK\n",
        "\"OK \" n=1\n",
        "OK 1 2 3 4 5 6 7 8 9 10 1 2 3 4 5 6 7 8 9 20 1 2 3 4 5 6 7 8 9 30 1 2\n",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        scripted_reply = bad[i];
        assert_false(answered(send_reply, false));
        assert_int_equal(got.status[0], STATUS_UNAVAILABLE);
    }
}

static void endless(int fd)
{
    static char line[LINE_MAX_BYTES + 1];

    memset(line, 'x', LINE_MAX_BYTES);
    wait_for_line(fd);
    send_text(fd, line);
    wait_for_line(fd);
}

static void half(int fd)
{
    wait_for_line(fd);
    send_text(fd, "OK n=1");
}

static void two_replies(int fd)
{
    wait_for_line(fd);
    send_text(fd, "OK n=1\nOK n=2\n");
    wait_for_line(fd);
}

static void broken_conversations_are_no_answer(void **state)
{
    (void)state;
    assert_false(answered(endless, false));
    assert_false(answered(half, false));
    assert_false(answered(hang_up, false));
    memset(&got, 0, sizeof(got));
    start_server(two_replies);
    enqueue("ping\n", false, PATIENCE);
    while (connection_step(conn) == 0)
        connection_wait(conn, deadline_now() + PATIENCE);
    assert_int_equal(got.count, 1);
    assert_true(got.received[0]);
    assert_false(connection_is_open(conn));
    stop_server();
}

static void flood(int fd)
{
    wait_for_line(fd);
    while (send(fd, "* a=1\n* b=2\n", 12, MSG_NOSIGNAL) > 0)
        ;
}

static void a_deadline_ends_silence_and_floods_alike(void **state)
{
    (void)state;
    static script *const scripts[] = { silence, flood };

    for (int i = 0; i < 2; i++) {
        memset(&got, 0, sizeof(got));
        start_server(scripts[i]);
        int64_t started = deadline_now();
        enqueue("ping\n", false, 150);
        assert_true(connection_deadline(conn) <= deadline_now() + 150);
        wait_for_replies(150);
        assert_in_range(deadline_now() - started, 140, PATIENCE);
        assert_int_equal(got.count, 1);
        assert_false(got.received[0]);
        stop_server();
    }
}

/* -- descriptors ------------------------------------------------------------------------------ */

static void pass_one(int fd)
{
    wait_for_line(fd);
    send_with_fds(fd, "OK n=1\n", 7, (int[]){ STDIN_FILENO }, 1);
    wait_for_line(fd);
}

static void pass_two(int fd)
{
    wait_for_line(fd);
    send_with_fds(fd, "OK n=1\n", 7, (int[]){ STDIN_FILENO, STDIN_FILENO }, 2);
    wait_for_line(fd);
}

static void pass_many(int fd)
{
    int many[16] = { 0 };

    wait_for_line(fd);
    send_with_fds(fd, "OK n=1\n", 7, many, 16);
    wait_for_line(fd);
}

static void pass_twice(int fd)
{
    wait_for_line(fd);
    send_with_fds(fd, "OK ", 3, (int[]){ STDIN_FILENO }, 1);
    send_with_fds(fd, "n=1\n", 4, (int[]){ STDIN_FILENO }, 1);
    wait_for_line(fd);
}

static void the_descriptor_of_a_reply_is_closed_unless_kept(void **state)
{
    (void)state;
    unsigned before = open_descriptors();

    assert_true(answered(pass_one, true));
    assert_int_equal(open_descriptors(), before);
    memset(&got, 0, sizeof(got));
    got.keep = true;
    start_server(pass_one);
    enqueue("table\n", true, PATIENCE);
    wait_for_replies(PATIENCE);
    assert_true(got.fd > STDERR_FILENO);
    assert_int_equal(fcntl(got.fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(fcntl(identity.fd, F_GETFD), FD_CLOEXEC);
    close(got.fd);
    stop_server();
    assert_int_equal(open_descriptors(), before);
}

static void descriptors_that_nobody_asked_for_are_closed_and_end_the_connection(void **state)
{
    (void)state;
    static script *const scripts[] = { pass_two, pass_many, pass_twice };
    unsigned before = open_descriptors();

    for (size_t i = 0; i < 3; i++) {
        assert_false(answered(scripts[i], true));
        assert_int_equal(open_descriptors(), before);
    }
    memset(&got, 0, sizeof(got));
    start_server(pass_one);
    enqueue("ping\n", false, PATIENCE);
    while (connection_step(conn) == 0)
        connection_wait(conn, deadline_now() + PATIENCE);
    stop_server();
    assert_int_equal(open_descriptors(), before);
}

static void pass_late(int fd)
{
    wait_for_line(fd);
    wait_for_line(fd);
    send_text(fd, "OK n=1\n");
    send_with_fds(fd, "OK n=2\n", 7, (int[]){ STDIN_FILENO }, 1);
    wait_for_line(fd);
}

static void a_descriptor_belongs_to_the_reply_it_came_with(void **state)
{
    (void)state;
    memset(&got, 0, sizeof(got));
    got.keep = true;
    got.fd = -1;
    start_server(pass_late);
    enqueue("ping\n", false, PATIENCE);
    enqueue("table\n", true, PATIENCE);
    wait_for_bytes(14); /* one recvmsg() may receive both replies */
    wait_for_replies(PATIENCE);
    assert_int_equal(got.count, 2);
    assert_true(got.fd >= 0);
    close(got.fd);
    stop_server();
}

static void without_space_for_the_descriptor_the_reply_still_counts(void **state)
{
    (void)state;
    struct rlimit old, low;

    memset(&got, 0, sizeof(got));
    got.fd = -1;
    got.keep = true;
    start_server(pass_one);
    enqueue("table\n", true, PATIENCE);
    wait_for_bytes(7);
    getrlimit(RLIMIT_NOFILE, &old);
    low = (struct rlimit){ 3, old.rlim_max };
    setrlimit(RLIMIT_NOFILE, &low);
    wait_for_replies(PATIENCE);
    setrlimit(RLIMIT_NOFILE, &old);
    assert_int_equal(got.count, 1);
    assert_true(got.received[0]);
    assert_int_equal(got.fd, -1);
    assert_true(connection_is_open(conn));
    stop_server();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SERVER(replies_come_in_the_order_of_the_requests),
        WITH_SERVER(a_word_of_a_later_version_is_a_refusal_or_no_answer),
        WITH_SERVER(malformed_replies_are_no_answer),
        WITH_SERVER(broken_conversations_are_no_answer),
        WITH_SERVER(a_deadline_ends_silence_and_floods_alike),
        WITH_SERVER(the_descriptor_of_a_reply_is_closed_unless_kept),
        WITH_SERVER(descriptors_that_nobody_asked_for_are_closed_and_end_the_connection),
        WITH_SERVER(a_descriptor_belongs_to_the_reply_it_came_with),
        WITH_SERVER(without_space_for_the_descriptor_the_reply_still_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
