/* SPDX-License-Identifier: Apache-2.0 */
/* libjeton: when it answers from the table, fetches another one, or asks the daemon. */
#include <poll.h>

#include "tests/unit/support/fake_daemon.h"

/* Verify a token in the middle of others, so that it is hashed beside them. */
static int verify_among_others(struct jeton *h, uint64_t number)
{
    enum { COUNT = 9, MIDDLE = 4 };
    struct jeton_check question[COUNT];
    char value[COUNT][33];

    for (size_t i = 0; i < COUNT; i++) {
        value_numbered(number + i - MIDDLE, value[i]);
        question[i] = (struct jeton_check){ .value = value[i], .length = 32 };
    }
    assert_int_equal(jeton_verify_batch(h, question, COUNT), 0);
    return question[MIDDLE].status;
}

static void a_revoked_token_is_refused_by_the_very_next_call(void **state)
{
    (void)state;
    struct jeton *h = open_with(0);

    for (uint64_t i = 0; i < 5000; i++) { /* the table grows several times meanwhile */
        put_token(i);
        assert_int_equal(verify(h, i), JETON_OK);
        revoke_token(i);
        assert_int_equal(verify(h, i), JETON_REVOKED);
        assert_int_equal(verify_among_others(h, i), JETON_REVOKED);
    }
    assert_int_equal(jeton_source(&claims), JETON_TABLE);
    assert_true(fake.tables > 3);
    jeton_close(h);
}

static void without_a_lease_the_daemon_is_asked(void **state)
{
    (void)state;
    put_token(1);
    struct jeton *h = open_with(0);

    assert_true(verify(h, 1) == JETON_OK && jeton_source(&claims) == JETON_TABLE);
    current_header()->lease = 1;
    assert_true(verify(h, 1) == JETON_OK && jeton_source(&claims) == JETON_DAEMON);
    fake_daemon_kill();
    assert_int_equal(verify(h, 1), JETON_UNAVAILABLE);
    token_table_renew_lease(fake.token_table); /* the daemon was only slow; but who knows? */
    assert_int_equal(verify(h, 1), JETON_UNAVAILABLE);
    token_table_close(fake.token_table);
    assert_int_equal(verify(h, 1), JETON_UNAVAILABLE);
    token_table_free(fake.token_table);
    fake.token_table = token_table_new("jtn", 0); /* another daemon, with another table */
    put_token(1);
    fake_daemon_start();
    assert_true(verify(h, 1) == JETON_OK && jeton_source(&claims) == JETON_TABLE);
    jeton_close(h);
}

static void a_miss_goes_to_the_daemon_unless_it_is_final(void **state)
{
    (void)state;
    put_token(1);
    put_token(2);
    revoke_token(2);
    fake.not_final = true;
    struct jeton *h = open_with(0);

    assert_true(verify(h, 1) == JETON_OK && jeton_source(&claims) == JETON_TABLE);
    assert_true(verify(h, 9) == JETON_UNKNOWN && jeton_source(&claims) == JETON_DAEMON);
    assert_true(verify(h, 2) == JETON_REVOKED && jeton_source(&claims) == JETON_DAEMON);
    assert_int_equal(fake.tables, 1);
    jeton_close(h);
}

static void a_refused_table_is_not_asked_for_again_on_that_connection(void **state)
{
    (void)state;
    put_token(1);
    fake.table_reply = "ERR forbidden\n";
    struct jeton *h = open_with(0);

    for (int i = 0; i < 30; i++) {
        assert_true(verify(h, 1) == JETON_OK && jeton_source(&claims) == JETON_DAEMON);
        usleep(50000);
    }
    assert_int_equal(fake.tables, 1);
    fake_daemon_kill();
    fake.table_reply = NULL;
    fake_daemon_start();
    assert_true(verify(h, 1) == JETON_OK && jeton_source(&claims) == JETON_TABLE);
    jeton_close(h);
}

static void a_table_that_fails_is_asked_for_once_a_second(void **state)
{
    (void)state;
    static const char *const answers[] = {
        "ERR busy\n",
        "OK\n",
        "OK size=4096 final=yes\n",
        "OK size=x final=yes\n",
    };

    put_token(1);
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        fake.table_reply = answers[i];
        fake.tables = 0;
        int64_t begun = milliseconds();
        struct jeton *h = open_with(0);
        for (int n = 0; n < 100; n++)
            assert_true(verify(h, 1) == JETON_OK && jeton_source(&claims) == JETON_DAEMON);
        assert_in_range(fake.tables, 1, 1 + (milliseconds() - begun) / 990);
        fake.table_reply = NULL;
        usleep(1000000);
        assert_true(verify(h, 1) == JETON_OK && jeton_source(&claims) == JETON_TABLE);
        jeton_close(h);
    }
}

/* As a library from before the fleet finds the table of one. */
static void a_table_of_a_later_layout_is_not_believed_and_the_daemon_is_asked(void **state)
{
    (void)state;
    put_token(1);
    put_token(99);
    struct table_header *header = current_header();
    header->slots = table_slot_count(header->layout, header->slots); /* as later layouts have it */
    header->layout = TABLE_LAYOUT_FLEET_SHA256 + 1;
    header->monotonic.until = header->monotonic.keep = header->lease + 60 * INT64_C(1000000000);
    struct jeton *h = open_with(0);

    assert_true(verify(h, 1) == JETON_OK && jeton_source(&claims) == JETON_DAEMON);
    assert_true(verify(h, 99) == JETON_OK && jeton_source(&claims) == JETON_DAEMON);
    revoke_token(99);
    assert_true(verify(h, 99) == JETON_REVOKED && jeton_source(&claims) == JETON_DAEMON);
    assert_int_equal(verify_among_others(h, 99), JETON_REVOKED);
    fake_daemon_kill();
    assert_int_equal(verify(h, 1), JETON_UNAVAILABLE);
    fake_daemon_start();
    jeton_close(h);
}

/* Dispatch until nothing is waited for. */
static void loop(struct jeton *h)
{
    while (jeton_timeout(h) >= 0) {
        struct pollfd p = { .fd = jeton_fd(h), .events = jeton_events(h) };
        poll(&p, 1, jeton_timeout(h));
        jeton_dispatch(h);
    }
}

static void set_status(void *context, enum jeton_status status)
{
    *(enum jeton_status *)context = status;
}

static enum jeton_status start(struct jeton *h, uint64_t number, enum jeton_status *status)
{
    char value[33];

    value_numbered(number, value);
    return jeton_verify_start(h, value, 32, NULL, NULL, &claims, set_status, status);
}

static void an_open_that_waits_for_nobody_receives_the_table_on_the_loop(void **state)
{
    (void)state;
    put_token(1);
    enum jeton_status status = JETON_INVALID;
    struct jeton *h = open_with(JETON_NO_WAIT);

    assert_true(jeton_fd(h) >= 0 && jeton_timeout(h) > 0);
    loop(h);
    assert_int_equal(start(h, 1, &status), JETON_OK);
    assert_int_equal(jeton_source(&claims), JETON_TABLE);
    jeton_close(h);
    h = open_with(JETON_NO_WAIT);
    assert_int_equal(start(h, 1, &status), JETON_WAITING); /* the table is not there yet */
    loop(h);
    assert_true(status == JETON_OK && jeton_source(&claims) == JETON_DAEMON);
    assert_int_equal(start(h, 1, &status), JETON_OK);
    jeton_close(h);
    jeton_close(open_with(JETON_NO_WAIT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FAKE_DAEMON(an_open_that_waits_for_nobody_receives_the_table_on_the_loop),
        WITH_FAKE_DAEMON(a_revoked_token_is_refused_by_the_very_next_call),
        WITH_FAKE_DAEMON(without_a_lease_the_daemon_is_asked),
        WITH_FAKE_DAEMON(a_miss_goes_to_the_daemon_unless_it_is_final),
        WITH_FAKE_DAEMON(a_refused_table_is_not_asked_for_again_on_that_connection),
        WITH_FAKE_DAEMON(a_table_that_fails_is_asked_for_once_a_second),
        WITH_FAKE_DAEMON(a_table_of_a_later_layout_is_not_believed_and_the_daemon_is_asked),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
