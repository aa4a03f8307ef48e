/* SPDX-License-Identifier: Apache-2.0 */
/* Verifications by a table with a fleet, with and without its lease: in batches, and by stacks. */
#include "tests/unit/support/configured_stack.h"

#include <sodium.h>

#include "daemon/base/clock.h"
#include "daemon/verify/batch.h"
#include "daemon/verify/evaluation.h"
#include "proto/token.h"

#define FLEET "value-of-a-token-that-the-fleet-has"
#define LOCAL "value-of-a-token-of-this-host-alone"
#define REVOKED "value-of-a-token-the-fleet-revoked"
#define ABSENT "value-that-is-nowhere-in-the-table-0"
#define PASS "unit_answers outcome=0 identity=1"
#define STALE                                                                                   \
    "ERR unavailable message=\"the fleet's lease has run out: this host may not know what was " \
    "revoked meanwhile\"\n"

enum { NOW = 1000000 };

static const struct peercred peer = { .uid = 1000, .gid = 100 };
static struct eval_context context = { .peer = &peer };
static struct evaluation evaluation;
static struct verify_batch batch;
static char reply[LINE_MAX_BYTES + 1];

static void put(const char *value, const char *group, int64_t revoked)
{
    struct record r = { .serial = 1, .created = 1, .expires = TIME_NEVER, .revoked = revoked };

    token_digest(slice_of(value), r.digest);
    assert_null(record_set_group(&r, slice_of(group)));
    assert_int_equal(token_table_reserve(context.token_table, 1, 0), 0);
    token_table_put(context.token_table, &r);
}

static void grant(int64_t until, int64_t keep)
{
    int64_t now = clock_boottime();

    token_table_set_fleet_lease(context.token_table, now + until * CLOCK_SECOND,
                                now + keep * CLOCK_SECOND);
}

static int set_up(void **state)
{
    int result = set_up_stacks(state);

    log_set_level(LOG_LEVEL_ERROR);
    context.token_table = token_table_new("jtn", 0);
    assert_int_equal(token_table_use_fleet(context.token_table), 0);
    put(FLEET, "web", 0), put(LOCAL, "", 0), put(REVOKED, "web", 5);
    bring("unit_answers");
    return result;
}

static int tear_down(void **state)
{
    token_table_free(context.token_table);
    return tear_down_stacks(state);
}

static void begins(const char *got, const char *right)
{
    if (strncmp(got, right, strlen(right)) != 0)
        fail_msg("%sthis should be %s", got, right);
}

/* -- batches ----------------------------------------------------------------------------------- */

static void add(const char *value, struct iobuf *out)
{
    static struct series_pair pair;

    pair = (struct series_pair){ metrics_get(&metrics, "other", ""),
                                 metrics_get(&metrics, "other", "local") };
    verify_batch_add(&batch, &(struct question){ .value = slice_of(value) }, &pair, 0, out);
}

/* Answer as many questions as fit, of each kind in turn; check what each reply begins with. */
static void batch_is(size_t count, const char *const right[6])
{
    static const char *const values[] = { LOCAL, FLEET, ABSENT, REVOKED, "short", FLEET };
    struct iobuf out = { 0 };

    for (size_t i = 0; i < count; i++) {
        add(values[i % 6], &out);
        if (i % 4 == 3)
            verify_batch_mark_fallback(&batch, slice_of("named"));
    }
    verify_batch_answer(&batch, context.token_table, 0, NOW);
    *iobuf_reserve(&out, 1) = '\0';
    const char *at = iobuf_front(&out);
    for (size_t i = 0; i < count; i++, at = strchr(at, '\n') + 1) {
        const char *named = strstr(at, " service=named stack=other");
        begins(at, right[i % 6]);
        assert_true((named != NULL && named < strchr(at, '\n')) == (i % 4 == 3));
    }
    assert_string_equal(at, "");
    iobuf_free(&out);
}

static void each_of_a_batch_is_answered_by_its_own_terms(void **state)
{
    (void)state;
    const char *const all[] = { "OK id=",     "OK id=",       "NO unknown",
                                "NO revoked", "NO malformed", "OK id=" },
                      *const known[] = { "OK id=",     "OK id=",       "ERR unavailable",
                                         "NO revoked", "NO malformed", "OK id=" },
                      *const none[] = { "OK id=",     "ERR unavailable", "ERR unavailable",
                                        "NO revoked", "NO malformed",    "ERR unavailable" };
    const size_t counts[] = { 1, 2, 5, 6, 13, VERIFY_BATCH_MAX };

    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        grant(60, 60);
        batch_is(counts[i], all);
        grant(-1, 60);
        batch_is(counts[i], known);
        grant(-1, -1);
        batch_is(counts[i], none);
    }
}

static void the_message_tells_that_the_lease_has_run_out(void **state)
{
    (void)state;
    struct iobuf out = { 0 };

    add(ABSENT, &out), add(FLEET, &out);
    verify_batch_answer(&batch, context.token_table, 0, NOW);
    *iobuf_reserve(&out, 1) = '\0';
    assert_string_equal(iobuf_front(&out), STALE STALE);
    iobuf_free(&out);
    struct series_part sum;
    series_read(metrics_get(&metrics, "other", "local"), &sum);
    assert_true(sum.count[JETON_VERIFIER_ERROR] >= 2);
}

/* -- stacks ------------------------------------------------------------------------------------ */

static const char *ask(const char *lines, const char *value)
{
    const struct question q = { .value = slice_of(value) };
    struct text t = text_in(reply, LINE_MAX_BYTES);
    char text[1024];

    snprintf(text, sizeof(text), "[service git]\n%s", lines);
    make(text);
    eval_begin(&evaluation, stack("git"), &q, slice_of("git"), &context, NOW);
    assert_true(eval_continue(&evaluation, &context));
    eval_finish(&evaluation, 0, &t);
    reply[t.len] = '\0';
    return reply;
}

static void a_stack_of_the_table_says_what_the_table_says(void **state)
{
    (void)state;
    static const char *const words[] = { "required", "requisite", "sufficient", "optional" };

    for (size_t i = 0; i < 4; i++) {
        char lines[64];
        snprintf(lines, sizeof(lines), "%s = local\n", words[i]);
        grant(-1, -1);
        assert_string_equal(ask(lines, FLEET), STALE);
        assert_string_equal(ask(lines, ABSENT), STALE);
        begins(ask(lines, LOCAL), "OK id=");
        begins(ask(lines, REVOKED), "NO revoked");
        grant(60, 60);
        begins(ask(lines, FLEET), "OK id=");
        begins(ask(lines, ABSENT), "NO unknown");
    }
}

static void another_verifier_may_pass_what_the_fleet_does_not_have(void **state)
{
    (void)state;
    static const char *const stacks_of_two[] = {
        "sufficient = local\nsufficient = " PASS " subject=ann\n",
        "sufficient = " PASS " subject=ann\nsufficient = local\n",
    };

    for (size_t i = 0; i < 2; i++) {
        grant(-1, -1);
        begins(ask(stacks_of_two[i], ABSENT), "OK id=");
        assert_string_equal(ask(stacks_of_two[i], FLEET), STALE);
        begins(ask(stacks_of_two[i], REVOKED), "NO revoked");
        begins(ask(stacks_of_two[i], LOCAL), "OK id=");
        grant(-1, 60);
        begins(ask(stacks_of_two[i], FLEET), "OK id=");
    }
    grant(-1, -1);
    assert_string_equal(ask("required = local\nsufficient = " PASS " subject=ann\n", ABSENT),
                        STALE);
}

static void an_error_of_another_verifier_has_its_own_message(void **state)
{
    (void)state;
    grant(60, 60);
    begins(ask("requisite = unit_answers outcome=3 message=oops\nrequisite = local\n", ABSENT),
           "ERR unavailable message=\"");
    assert_null(strstr(reply, "fleet"));
    assert_null(strstr(reply, "oops"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_of_a_batch_is_answered_by_its_own_terms),
        TEST(the_message_tells_that_the_lease_has_run_out),
        TEST(a_stack_of_the_table_says_what_the_table_says),
        TEST(another_verifier_may_pass_what_the_fleet_does_not_have),
        TEST(an_error_of_another_verifier_has_its_own_message),
    };

    return sodium_init() < 0 || cmocka_run_group_tests(tests, NULL, NULL);
}
