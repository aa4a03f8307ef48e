/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluations by whole stacks: the table with one token in it, and verifiers that answer what their
 * arguments ask for (tests/verifiers/unit_answers.c). */
#include "tests/unit/support/configured_stack.h"

#include <sodium.h>
#include <sys/socket.h>

#include "daemon/verify/evaluation.h"
#include "proto/token.h"

#define VALUE "value-that-alice-imported-here-once"
#define PASS "unit_answers outcome=0"
#define FAIL "unit_answers outcome=1 reason="
#define IGNORE "unit_answers outcome=2"
#define ERROR "unit_answers outcome=3"

enum { NOW = 1000000, UID = 1000 };

static const struct peercred peer = { .uid = UID, .gid = 100 };
static struct eval_context context = { .peer = &peer };
static struct evaluation evaluation;
static struct record token;
static char reply[LINE_MAX_BYTES + 1];

static int set_up(void **state)
{
    int result = set_up_stacks(state);

    log_set_level(LOG_LEVEL_ERROR);
    context.token_table = token_table_new("jtn", 0);
    token = (struct record){ .serial = 1, .created = 1, .expires = NOW + 600 };
    token_digest(slice_of(VALUE), token.digest);
    record_set_subject(&token, slice_of("alice"));
    record_set_scopes(&token, slice_of("deploy,read"));
    assert_int_equal(token_table_reserve(context.token_table, 1,
                                         token.subject_len + token.scopes_len),
                     0);
    token_table_put(context.token_table, &token);
    bring("unit_answers");
    bring("unit_answers_blocking");
    return result;
}

static int tear_down(void **state)
{
    token_table_free(context.token_table);
    return tear_down_stacks(state);
}

static void begin(const struct question *q)
{
    eval_begin(&evaluation, stack("git"), q, slice_of("git"), &context, NOW);
}

static const char *end(void)
{
    struct text t = text_in(reply, LINE_MAX_BYTES);

    eval_finish(&evaluation, 0, &t);
    reply[t.len] = '\0';
    return reply;
}

static const char *ask_for(const struct question *q)
{
    begin(q);
    assert_true(eval_continue(&evaluation, &context));
    return end();
}

static const char *ask(const char *value)
{
    return ask_for(&(struct question){ .value = slice_of(value) });
}

static void service(const char *lines)
{
    char text[4096];

    snprintf(text, sizeof(text), "[service git]\n%s", lines);
    make(text);
}

/* Check what the reply begins with; the id of alice's token is written as ID. */
static void is(const char *got, const char *right)
{
    static char id[ID_TEXT + 1], short_reply[LINE_MAX_BYTES + 1];

    sodium_bin2hex(id, sizeof(id), token.digest, ID_SIZE);
    snprintf(short_reply, sizeof(short_reply), "%s", got);
    char *at = strstr(short_reply, id);
    if (at != NULL) {
        memcpy(at, "ID", 2);
        memmove(at + 2, at + ID_TEXT, strlen(at + ID_TEXT) + 1);
    }
    if (strncmp(short_reply, right, strlen(right)) != 0)
        fail_msg("%sthis should be %s", short_reply, right);
}

/* -- what is answered -------------------------------------------------------------------------- */

static void the_table_says_who_it_is(void **state)
{
    (void)state;
    service("requisite = local\nrequisite = require scope=read\n");
    is(ask(VALUE), "OK id=ID subject=alice scopes=deploy,read expires=1970-01-12T13:56:40Z "
                   "verifier=local\n");
    is(ask("a-value-that-is-not-in-the-table-at-all"),
       "NO unknown message=\"no such token here\"\n");
    is(ask("short"), "NO malformed ");
    is(ask(""), "NO malformed ");
}

static void a_verifier_says_who_it_is(void **state)
{
    (void)state;
    service("sufficient = " PASS " identity=1 id=key-7 subject=\"bob b\" scopes=z,a\n"
            "   issuer=https://idp expires=2000000\n");
    is(ask("x"), "OK id=key-7 subject=\"bob b\" scopes=a,z expires=1970-01-24T03:33:20Z "
                 "issuer=https://idp verifier=unit-answers\n");
    service("sufficient = " PASS " identity=1\n");
    is(ask(VALUE), "OK id=ID verifier=unit-answers\n"); /* the id of its digest */
}

static void what_was_asked_must_fit_who_it_is(void **state)
{
    (void)state;
    static const struct {
        const char *scopes, *subject, *right;
    } cases[] = {
        { "a", NULL, "OK" },         { "z,a", "bob", "OK" },           { NULL, "bob", "OK" },
        { "b", NULL, "NO scope " },  { NULL, "alice", "NO subject " }, { "b", "al", "NO subject " },
        { NULL, "", "NO subject " },
    };

    service("sufficient = " PASS " identity=1 subject=bob scopes=a,z\n");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct question q = { .value = SLICE("x") };
        if (cases[i].scopes != NULL)
            q.scopes = slice_of(cases[i].scopes);
        if (cases[i].subject != NULL)
            q.subject = slice_of(cases[i].subject);
        is(ask_for(&q), cases[i].right);
    }
    service("sufficient = " PASS " identity=1\n"); /* with no subject */
    is(ask_for(&(struct question){ .value = SLICE("x"), .subject = SLICE("bob") }), "NO subject ");
    is(ask_for(&(struct question){ .value = SLICE("x"), .subject = { "", 0 } }), "NO subject ");
}

static void a_refusal_has_its_message_and_its_time(void **state)
{
    (void)state;
    service("requisite = " FAIL "10 retry=7 message=\"come again\"\n");
    is(ask("x"), "NO denied retry_after=7 message=\"come again\"\n");
    service("requisite = " FAIL "4\n");
    is(ask("x"), "NO pending retry_after=1 message=");
    service("sufficient = " FAIL "5\nsufficient = local\n");
    is(ask("a-value-that-is-not-in-the-table-at-all"), "NO expired message=");
}

static void an_error_is_unavailable_and_keeps_its_message_to_itself(void **state)
{
    (void)state;
    service("requisite = " ERROR " message=secret retry=5\nrequisite = local\n");
    is(ask(VALUE), "ERR unavailable message=\"nobody could judge the token\"\n");
    service("required = " ERROR "\nsufficient = local\n");
    is(ask(VALUE), "ERR unavailable ");
    service("sufficient = " ERROR "\nsufficient = local\n");
    is(ask(VALUE), "OK id=ID ");
    is(ask("a-value-that-is-not-in-the-table-at-all"), "ERR unavailable ");
}

static void garbage_is_unavailable(void **state)
{
    (void)state;
    static const char *const garbage[] = {
        "outcome=4",
        "outcome=-1",
        "outcome=1 reason=0",
        "outcome=1 reason=11",
        "outcome=0 identity=2",
        "outcome=0 identity=1 scopes=\"a b\"",
        "outcome=0 identity=1 subject=\"a\\nb\"",
        "outcome=0 identity=1 id=\"\\xff\"",
        "outcome=1 reason=10 retry=-1",
    };
    char line[200];

    for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
        snprintf(line, sizeof(line), "requisite = local\nrequired = unit_answers %s\n", garbage[i]);
        service(line);
        is(ask(VALUE), "ERR unavailable ");
    }
}

/* -- one after the other ----------------------------------------------------------------------- */

static void a_later_verifier_sees_who_it_is_and_can_only_narrow_it(void **state)
{
    (void)state;
    service("required = " IGNORE "\nrequired = local\n"
            "required = " PASS " identity=1 id=other scopes=read,admin expires=1000300\n"
            "required = " PASS "\n");
    is(ask(VALUE), "OK id=ID subject=alice scopes=read expires=1970-01-12T13:51:40Z "
                   "verifier=local\n");
    assert_string_equal(notes(),
                        VALUE " for git: nobody ()\n" VALUE " for git: alice (deploy,read)\n" VALUE
                              " for git: alice (read)\n");
    service("required = local\nrequired = " PASS " identity=1 subject=bob\n");
    is(ask(VALUE), "ERR unavailable ");
}

static void the_table_narrows_an_earlier_identity(void **state)
{
    (void)state;
    service("required = " PASS " identity=1 subject=alice scopes=read,admin\nrequired = local\n");
    is(ask(VALUE), "OK id=ID subject=alice scopes=read expires=1970-01-12T13:56:40Z "
                   "verifier=unit-answers\n");
    service("required = " PASS " identity=1 scopes=read,admin subject=alice\nrequired = local\n"
            "requisite = require scope=admin\n");
    is(ask(VALUE), "NO scope ");
    service("required = " PASS " identity=1 subject=bob\nrequired = local\n");
    is(ask(VALUE), "ERR unavailable ");
}

static void who_revokes_a_token_can_rely_on_it(void **state)
{
    (void)state;
    service("sufficient = local\nsufficient = " PASS " identity=1\n");
    assert_true(token_table_deny(context.token_table, token.digest, SLOT_REVOKED, NULL));
    is(ask(VALUE), "NO revoked id=ID ");
    assert_string_equal(notes(), "");
    is(ask("a-value-that-is-not-in-the-table-at-all"), "OK ");
}

static void a_requirement_without_an_identity_hides_no_reason(void **state)
{
    (void)state;
    static const char *const words[] = { "optional", "required", "requisite" };
    char lines[200];

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        snprintf(lines, sizeof(lines), "sufficient = local\n%s = require scope=x\n", words[i]);
        service(lines);
        is(ask("a-value-that-is-not-in-the-table-at-all"), "NO unknown ");
        is(ask("short"), "NO malformed ");
    }
}

/* -- around it --------------------------------------------------------------------------------- */

static void the_throttle_counts_every_no_but_its_own(void **state)
{
    (void)state;
    service("requisite = throttle failures=2 per=1d\nsufficient = local\nsufficient = " IGNORE
            "\n");
    for (int i = 0; i < 10; i++)
        is(ask(VALUE), "OK ");
    is(ask("short"), "NO malformed ");
    is(ask(VALUE), "OK ");
    is(ask_for(&(struct question){ .value = SLICE(VALUE), .scopes = SLICE("admin") }), "NO scope ");
    is(ask(VALUE), "NO denied retry_after=43200 ");
    service("requisite = throttle failures=1 per=1d\nrequisite = " ERROR "\n");
    for (int i = 0; i < 3; i++)
        is(ask(VALUE), "ERR unavailable ");
}

static void everything_is_counted(void **state)
{
    (void)state;
    struct series_part sum;

    service("sufficient = local\nsufficient = " FAIL "10\n");
    ask(VALUE);
    ask("short");
    series_read(stack("git")->series.service, &sum);
    assert_int_equal(sum.count[STATUS_OK], 1);
    assert_int_equal(sum.count[STATUS_DENIED], 1);
    assert_int_equal(sum.timed, 2);
    series_read(stack("git")->entry[0].series, &sum);
    assert_int_equal(sum.count[JETON_VERIFIER_PASS], 1);
    assert_int_equal(sum.count[JETON_VERIFIER_FAIL], 1);
    series_read(stack("git")->entry[1].series, &sum);
    assert_int_equal(sum.count[JETON_VERIFIER_FAIL], 1);
    assert_int_equal(sum.timed, 1);
}

static void nothing_of_the_value_is_left_in_what_was_wiped(void **state)
{
    (void)state;
    service("required = local\nrequired = " PASS "\n");
    ask(VALUE);
    eval_wipe(&evaluation);
    assert_null(memmem(&evaluation, sizeof(evaluation), VALUE, strlen(VALUE)));
    begin(&(struct question){ .value = SLICE(VALUE) }); /* nobody waits for it any longer */
    eval_wipe(&evaluation);
    assert_null(memmem(&evaluation, sizeof(evaluation), VALUE, strlen(VALUE)));
}

static void what_may_block_is_asked_elsewhere_and_then_it_goes_on(void **state)
{
    (void)state;
    struct jeton_answer answer = { .has_identity = 1, .identity = { .expires = NOW + 9 } };

    service("sufficient = local\nrequisite = unit_answers_blocking\n"
            "requisite = require min_remaining=5s\n");
    is(ask(VALUE), "OK id=ID ");
    begin(&(struct question){ .value = SLICE("opaque") });
    assert_false(eval_continue(&evaluation, &context));
    assert_int_equal(evaluation.index, 1);
    eval_take_result(&evaluation, 0, JETON_VERIFIER_PASS, &answer);
    assert_true(eval_continue(&evaluation, &context));
    is(end(), "OK id=");
    begin(&(struct question){ .value = SLICE("opaque") });
    assert_false(eval_continue(&evaluation, &context));
    eval_take_failure(&evaluation, 0, FAILURE_TIMEOUT);
    assert_true(eval_continue(&evaluation, &context));
    is(end(), "ERR unavailable ");
}

static void groups_are_read_only_once_a_verifier_that_needs_them_is_asked(void **state)
{
    int ends[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    context.peer_fd = ends[0];
    service("requisite = local\nrequisite = require peer_gid=0\n");
    is(ask("another-value-that-nobody-has-imported"), "NO unknown");
    assert_null(context.groups);
    ask(VALUE);
    assert_non_null(context.groups);
    assert_ptr_equal(evaluation.question.peer_groups, context.groups);
    free(context.groups);
    context = (struct eval_context){ .token_table = context.token_table, .peer = &peer };
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        TEST(the_table_says_who_it_is),
        TEST(a_verifier_says_who_it_is),
        TEST(what_was_asked_must_fit_who_it_is),
        TEST(a_refusal_has_its_message_and_its_time),
        TEST(an_error_is_unavailable_and_keeps_its_message_to_itself),
        TEST(garbage_is_unavailable),
        TEST(a_later_verifier_sees_who_it_is_and_can_only_narrow_it),
        TEST(the_table_narrows_an_earlier_identity),
        TEST(who_revokes_a_token_can_rely_on_it),
        TEST(a_requirement_without_an_identity_hides_no_reason),
        TEST(the_throttle_counts_every_no_but_its_own),
        TEST(everything_is_counted),
        TEST(nothing_of_the_value_is_left_in_what_was_wiped),
        TEST(what_may_block_is_asked_elsewhere_and_then_it_goes_on),
        TEST(groups_are_read_only_once_a_verifier_that_needs_them_is_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
