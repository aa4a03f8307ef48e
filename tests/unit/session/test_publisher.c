/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing that everybody may ask waits for the thread that changes the table, as during a growth:
 * here the test holds the table's mutex meanwhile, and a request that takes it never ends. */
#include "tests/unit/support/session_fixture.h"

#include "daemon/table/token_look.h"
#include "proto/token.h"

enum { LIMIT = 50 }; /* seconds for a test that fails */

static char value[TOKEN_VALUE_MAX + 1];
static char id[ID_TEXT + 1];

static void copy_field(char *to, const char *reply, const char *name)
{
    const char *from = strstr(reply, name);

    assert_non_null(from);
    from += strlen(name);
    size_t len = strcspn(from, " \n");
    memcpy(to, from, len);
    to[len] = '\0';
}

static int set_up(void **state)
{
    int result = set_up_server(state, "");

    open_session(ROLE_ADMIN);
    put_input("create\n");
    run_session();
    write_changes();
    deliver_mail();
    const char *reply = replies();
    copy_field(value, reply, " token=");
    copy_field(id, reply, " id=");
    session.role = ROLE_VERIFY;
    alarm(LIMIT);
    return result;
}

static int tear_down(void **state)
{
    alarm(0);
    close_session();
    return tear_down_server(state);
}

/* Return the reply to the line, with a place for the value or the identifier, while the table is
 * locked. */
static const char *ask(const char *format, const char *argument)
{
    char line[256];

    snprintf(line, sizeof(line), format, argument);
    put_input(line);
    token_table_lock(server.token_table);
    run_session();
    token_table_unlock(server.token_table);
    return replies();
}

static void what_everybody_may_ask_is_answered_while_the_table_is_changed(void **state)
{
    (void)state;
    assert_memory_equal(ask("verify %s\n", value), "OK id=", 6);
    assert_memory_equal(ask("id %s\n", value), "OK id=", 6);
    assert_memory_equal(ask("revoke token=%s\n", "a-value-that-nobody-has-imported-yet"),
                        "NO unknown ", 11);
    assert_memory_equal(ask("used id=%s\n", id), "OK\n", 3);
    assert_memory_equal(ask("used id=%s\n", "00000000000000000000"), "OK\n", 3);
    assert_memory_equal(ask("hello\n", ""), "OK protocol=", 12);
    assert_memory_equal(ask("help\n", ""), "* verb=", 7);
    assert_memory_equal(ask("ping\n", ""), "OK\n", 3);
    assert_memory_equal(ask("nonsense\n", ""), "ERR ", 4);
    assert_memory_equal(ask("table\n", ""), "OK size=", 8);
}

static void stats_are_answered_while_the_table_is_changed(void **state)
{
    (void)state;
    session.role = ROLE_OBSERVE;
    assert_non_null(strstr(ask("stats\n", ""), "name=tokens value=1\n"));
}

static void what_was_revoked_before_is_revoked_again_without_the_lock(void **state)
{
    char line[128];

    (void)state;
    snprintf(line, sizeof(line), "revoke token=%s\n", value);
    put_input(line);
    run_session();
    write_changes();
    deliver_mail();
    assert_memory_equal(replies(), "OK id=", 6);
    assert_string_equal(ask("revoke token=%s\n", value), "");
    write_changes();
    deliver_mail();
    assert_memory_equal(replies(), "OK id=", 6);
}

static void a_look_finds_what_the_locked_one_finds(void **state)
{
    uint8_t digest[DIGEST_SIZE], same[DIGEST_SIZE], short_id[ID_SIZE];
    int64_t used;

    (void)state;
    assert_true(token_id_parse(slice_of(id), short_id));
    uint32_t flags = token_table_look(server.token_table, short_id, digest, &used);
    assert_true(flags & SLOT_PRESENT);
    assert_int_equal(token_look(server.token_table, 0, short_id, same), flags);
    assert_memory_equal(digest, same, DIGEST_SIZE);
    short_id[ID_SIZE - 1] ^= 1;
    assert_int_equal(token_look(server.token_table, 0, short_id, same), 0);
    token_look_touch(server.token_table, 0, digest, clock_wall());
    token_table_look(server.token_table, digest, same, &used);
    assert_true(used > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        TEST(what_everybody_may_ask_is_answered_while_the_table_is_changed),
        TEST(stats_are_answered_while_the_table_is_changed),
        TEST(what_was_revoked_before_is_revoked_again_without_the_lock),
        TEST(a_look_finds_what_the_locked_one_finds),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
