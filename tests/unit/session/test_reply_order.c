/* SPDX-License-Identifier: Apache-2.0 */
/* Pipelined requests of every kind: replies come in the order of requests. */
#include "tests/unit/support/session_fixture.h"

#define VALUE "a-value-that-was-imported-by-alice-%u"
#define CONFIG                                                           \
    "[service narrow]\nrequisite = local\nrequisite = require scope=a\n" \
    "[service other]\nsufficient = local\n"

static int set_up(void **state)
{
    int result = set_up_server(state, CONFIG);

    open_session(ROLE_ADMIN);
    return result;
}

static int tear_down(void **state)
{
    close_session();
    return tear_down_server(state);
}

static void start_writer(void)
{
    assert_int_equal(writer_thread_start(writer_thread), 0);
}

/* Return the first words of every line, such as "OK NO/unknown *". */
static const char *kinds(const char *text)
{
    static char words[8192];
    struct text t = text_in(words, sizeof(words) - 1);

    for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
        size_t first = strcspn(line, " \n");
        text_add(&t, t.len > 0 ? " " : "", t.len > 0);
        text_add(&t, line, first);
        if (line[first] == ' ' && (line[0] == 'N' || line[0] == 'E')) {
            text_adds(&t, "/");
            text_add(&t, line + first + 1, strcspn(line + first + 1, " \n"));
        }
    }
    words[t.len] = '\0';
    return words;
}

static void import_some(unsigned count)
{
    char line[128];

    for (unsigned i = 0; i < count; i++) {
        snprintf(line, sizeof(line), "import token=" VALUE " subject=s%u scopes=a\n", i, i);
        put_input(line);
    }
}

static void verifications_are_answered_in_order_across_batches(void **state)
{
    enum { TOKENS = 5, ASKED = 2 * VERIFY_BATCH_MAX + 3 };
    char line[128], subject[32];

    (void)state;
    start_writer();
    import_some(TOKENS);
    finish_session();
    replies();
    for (unsigned i = 0; i < ASKED; i++) {
        snprintf(line, sizeof(line), "verify " VALUE "%s\n", i % TOKENS, i % 7 == 6 ? "x" : "");
        put_input(line);
    }
    run_session();
    const char *at = replies();
    for (unsigned i = 0; i < ASKED; i++, at = strchr(at, '\n') + 1) {
        snprintf(subject, sizeof(subject), " subject=s%u ", i % TOKENS);
        const char *found = strstr(at, subject);
        if (i % 7 == 6)
            assert_memory_equal(at, "NO unknown ", 11);
        else
            assert_true(found != NULL && found < strchr(at, '\n'));
    }
    assert_string_equal(at, "");
}

static void each_kind_waits_for_what_was_asked_before_it(void **state)
{
    (void)state;
    start_writer();
    import_some(2);
    put_input("verify a-value-that-was-imported-by-alice-0\n"
              "verify a-value-that-nobody-has-imported-yet\n"
              "list\n"
              "ping\n"
              "mistake\n"
              "import token=a-value-that-nobody-has-imported-yet\n"
              "verify a-value-that-nobody-has-imported-yet\n"
              "verify service=narrow a-value-that-was-imported-by-alice-1\n"
              "verify service=narrow a-value-that-nobody-has-imported-yet\n"
              "show 00000000000000000000\n"
              "# a comment\n"
              "\n"
              "id too-short\n"
              "create ttl=nonsense\n"
              "quit\n"
              "ping\n");
    while (!session.ended) {
        run_session();
        if (session_is_away(&session))
            deliver_mail();
    }
    assert_string_equal(kinds(replies()),
                        "OK OK OK NO/unknown * * OK OK ERR/unknown-verb OK OK OK NO/scope "
                        "NO/unknown NO/malformed ERR/bad-value OK");
    assert_true(session_is_done(&session));
}

/* The writer has no thread here: the changes stay under way until the test carries them out. */
static void a_refused_line_waits_for_the_changes_before_it(void **state)
{
    (void)state;
    import_some(2);
    put_input("create ttl=nonsense\nping\n");
    run_session();
    assert_int_equal(session.outstanding, 2);
    assert_int_equal(session.wait, SESSION_WAITS_FOR_ANSWERS);
    assert_string_equal(replies(), "");
    write_changes();
    deliver_mail();
    run_session();
    assert_string_equal(kinds(replies()), "OK OK ERR/bad-value OK");
    assert_int_equal(session.wait, SESSION_WAITS_FOR_INPUT);
}

static void a_verification_waits_for_the_changes_before_it(void **state)
{
    (void)state;
    import_some(1);
    put_input("verify a-value-that-was-imported-by-alice-0\n");
    run_session();
    assert_int_equal(session.wait, SESSION_WAITS_FOR_ANSWERS);
    assert_string_equal(replies(), "");
    write_changes();
    deliver_mail();
    run_session();
    assert_string_equal(kinds(replies()), "OK OK");
}

static void the_rest_of_a_run_of_changes_waits_for_others(void **state)
{
    (void)state;
    import_some(40);
    run_session();
    assert_int_equal(session.wait, SESSION_WAITS_FOR_OTHERS);
    assert_int_equal(session.outstanding, 16);
    assert_true(writer_expects_more());
    run_session();
    assert_int_equal(session.outstanding, 32);
    assert_true(writer_expects_more());
    run_session();
    assert_int_equal(session.wait, SESSION_WAITS_FOR_INPUT);
    assert_int_equal(session.outstanding, 40);
    assert_false(writer_expects_more());
    write_changes();
    deliver_mail();
    assert_int_equal(session.outstanding, 0);
    assert_int_equal(session_class(&session)->outstanding, 0);
}

static void whoever_may_only_revoke_has_few_changes_under_way(void **state)
{
    enum { MOST = 16 };
    char line[128];

    (void)state;
    import_some(MOST + 4);
    do
        run_session();
    while (session.wait == SESSION_WAITS_FOR_OTHERS);
    write_changes();
    deliver_mail();
    replies();
    session.role = ROLE_VERIFY;
    for (unsigned i = 0; i < MOST + 4; i++) {
        snprintf(line, sizeof(line), "revoke token=" VALUE "\n", i);
        put_input(line);
    }
    run_session();
    run_session();
    assert_int_equal(session.outstanding, MOST);
    assert_int_equal(session.wait, SESSION_WAITS_FOR_ANSWERS);
    write_changes();
    deliver_mail();
    run_session();
    assert_int_equal(session.outstanding, 4);
    write_changes();
    deliver_mail();
    const char *words = kinds(replies());
    assert_int_equal(strlen(words), 3 * (MOST + 4) - 1);
    assert_null(strstr(words, "NO"));
    assert_null(strstr(words, "ERR"));
}

static void a_table_waits_until_all_is_sent(void **state)
{
    (void)state;
    put_input("verify a-value-that-nobody-has-imported-yet\ntable\n");
    run_session();
    assert_int_equal(session.wait, SESSION_WAITS_FOR_OUTPUT);
    assert_string_equal(kinds(replies()), "NO/unknown");
    assert_int_equal(session.passing, -1);
    run_session();
    assert_string_equal(kinds(replies()), "OK");
    assert_true(session.passing >= 0);
}

static void an_overlong_and_an_unended_line_are_answered_in_their_places(void **state)
{
    static char overlong[LINE_MAX_BYTES + 100];

    (void)state;
    memset(overlong, 'x', sizeof(overlong) - 2);
    overlong[sizeof(overlong) - 2] = '\n';
    put_input("ping\n");
    put_input(overlong);
    put_input("ping\npin");
    run_session();
    assert_string_equal(kinds(replies()), "OK ERR/too-long OK");
    assert_false(session_is_done(&session));
    session.eof = true;
    run_session();
    assert_string_equal(kinds(replies()), "ERR/syntax");
    assert_true(session_is_done(&session));
}

static void a_watch_ends_with_the_next_request(void **state)
{
    (void)state;
    start_writer();
    import_some(1);
    put_input("watch after=0\nping\n");
    finish_session();
    assert_string_equal(kinds(replies()), "OK * OK OK");
}

/* A comment is ignored; one that is too long is answered, and so has its place like a request. */
static void an_overlong_comment_waits_for_the_scan_before_it(void **state)
{
    static char overlong[LINE_MAX_BYTES + 2];

    (void)state;
    start_writer();
    import_some(1);
    put_input("list\n");
    memset(overlong, '#', sizeof(overlong) - 2);
    overlong[sizeof(overlong) - 2] = '\n';
    put_input(overlong);
    finish_session();
    assert_string_equal(kinds(replies()), "OK * OK ERR/too-long");
    put_input("watch after=0\n");
    put_input(overlong);
    finish_session();
    assert_string_equal(kinds(replies()), "* OK ERR/too-long");
}

static void nothing_is_begun_while_the_client_does_not_read(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++)
        put_input("help\n");
    run_session();
    assert_int_equal(session.wait, SESSION_WAITS_FOR_OUTPUT);
    size_t unsent = iobuf_len(&session.out), unread = iobuf_len(&session.in);
    run_session();
    assert_int_equal(iobuf_len(&session.out), unsent);
    assert_int_equal(iobuf_len(&session.in), unread);
    replies();
    run_session();
    assert_true(iobuf_len(&session.in) < unread);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        TEST(verifications_are_answered_in_order_across_batches),
        TEST(each_kind_waits_for_what_was_asked_before_it),
        TEST(a_refused_line_waits_for_the_changes_before_it),
        TEST(a_verification_waits_for_the_changes_before_it),
        TEST(the_rest_of_a_run_of_changes_waits_for_others),
        TEST(whoever_may_only_revoke_has_few_changes_under_way),
        TEST(a_table_waits_until_all_is_sent),
        TEST(an_overlong_and_an_unended_line_are_answered_in_their_places),
        TEST(a_watch_ends_with_the_next_request),
        TEST(an_overlong_comment_waits_for_the_scan_before_it),
        TEST(nothing_is_begun_while_the_client_does_not_read),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
