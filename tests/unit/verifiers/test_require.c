/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/verifiers/require.h"
#include "proto/limits.h"

enum { NOW = 1000000, ARGUMENTS_MAX = 20 };

static char problem[160];
static void *instance;
static struct jeton_answer answer;

/* Close the instance that is open, and open one with "key=value key=value". */
static bool opens(const char *text)
{
    static char copy[8192];
    struct jeton_argument arguments[ARGUMENTS_MAX];
    size_t count = 0;

    if (instance != NULL)
        require_verifier.close(instance);
    instance = NULL;
    problem[0] = '\0';
    snprintf(copy, sizeof(copy), "%s", text);
    for (char *at = strtok(copy, " "); at != NULL; at = strtok(NULL, " ")) {
        char *equals = strchr(at, '=');
        *equals = '\0';
        arguments[count++] = (struct jeton_argument){ at, equals + 1 };
    }
    return require_verifier.open(&instance, arguments, count, problem, sizeof(problem)) == 0;
}

static int close_it(void **state)
{
    (void)state;
    if (instance != NULL)
        require_verifier.close(instance);
    instance = NULL;
    return 0;
}

/* Return 0 for a pass, otherwise the reason for a fail. */
static int ask(const struct jeton_question *q)
{
    memset(&answer, 0, sizeof(answer));
    int outcome = require_verifier.verify(instance, q, &answer);

    assert_int_equal(answer.has_identity, 0); /* require never supplies one */
    assert_true(outcome == JETON_VERIFIER_PASS || outcome == JETON_VERIFIER_FAIL);
    return outcome == JETON_VERIFIER_PASS ? 0 : answer.reason;
}

static const struct jeton_identity alice = {
    .expires = NOW + 600,
    .subject = "alice",
    .issuer = "https://idp",
    .scopes = "deploy,read,write",
};

static int ask_about(const struct jeton_identity *who)
{
    const struct jeton_question q = { .value = "",
                                      .service = "git",
                                      .identity = who,
                                      .now = NOW,
                                      .peer_uid = 1000,
                                      .peer_gid = 100 };

    return ask(&q);
}

struct expected {
    const char *arguments;
    int reason;
};

static void check(const struct expected *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!opens(cases[i].arguments))
            fail_msg("%s: %s", cases[i].arguments, problem);
        if (ask_about(&alice) != cases[i].reason)
            fail_msg("%s: %d", cases[i].arguments, answer.reason);
    }
}

#define CHECK(cases) check(cases, sizeof(cases) / sizeof(cases[0]))

/* -- judging ----------------------------------------------------------------------------------- */

static void all_scopes_that_are_required_must_be_there(void **state)
{
    (void)state;
    static const struct expected cases[] = {
        { "scope=read", 0 },
        { "scope=write,read", 0 },
        { "scope=deploy,read,write", 0 },
        { "scope=admin", JETON_REASON_SCOPE },
        { "scope=read,admin", JETON_REASON_SCOPE },
        { "scope=rea", JETON_REASON_SCOPE },
        { "scope=*", JETON_REASON_SCOPE },
    };

    CHECK(cases);
}

static void one_of_the_subjects_must_be_the_one(void **state)
{
    (void)state;
    static const struct expected cases[] = {
        { "subject=alice", 0 },
        { "subject=bob subject=alice", 0 },
        { "subject=bob", JETON_REASON_SUBJECT },
        { "subject=alic", JETON_REASON_SUBJECT },
        { "subject=Alice", JETON_REASON_SUBJECT },
        { "subject=alice,bob", JETON_REASON_SUBJECT },
    };
    struct jeton_identity nobody = alice;

    CHECK(cases);
    nobody.subject[0] = '\0';
    assert_true(opens("subject=alice"));
    assert_int_equal(ask_about(&nobody), JETON_REASON_SUBJECT);
}

static void one_of_the_issuers_must_be_the_one(void **state)
{
    (void)state;
    static const struct expected cases[] = {
        { "issuer=https://idp", 0 },
        { "issuer=x issuer=https://idp", 0 },
        { "issuer=https://idp/", JETON_REASON_DENIED },
        { "issuer=x", JETON_REASON_DENIED },
    };
    struct jeton_identity own = alice;

    CHECK(cases);
    assert_non_null(strstr(answer.message, "issuer"));
    own.issuer[0] = '\0'; /* as in the table, which has no issuer */
    assert_true(opens("issuer=https://idp"));
    assert_int_equal(ask_about(&own), JETON_REASON_DENIED);
}

static void what_ends_too_soon_is_denied(void **state)
{
    (void)state;
    static const struct expected cases[] = {
        { "min_remaining=1s", 0 },
        { "min_remaining=600s", 0 },
        { "min_remaining=10m", 0 },
        { "min_remaining=601s", JETON_REASON_DENIED },
        { "min_remaining=1000y", JETON_REASON_DENIED },
    };
    struct jeton_identity for_ever = alice;

    CHECK(cases);
    assert_non_null(strstr(answer.message, "too soon"));
    for_ever.expires = JETON_VERIFIER_NEVER;
    assert_int_equal(ask_about(&for_ever), 0);
    for_ever.expires = JETON_VERIFIER_NEVER - 1;
    assert_int_equal(ask_about(&for_ever), 0);
    struct jeton_identity ended = alice; /* it passed before by its verifier's leeway */
    ended.expires = NOW - 10;
    ended.leeway = 30;
    assert_true(opens("min_remaining=1s"));
    assert_int_equal(ask_about(&ended), JETON_REASON_DENIED);
    assert_true(opens("subject=alice"));
    assert_int_equal(ask_about(&ended), 0);
}

static void the_user_that_asks_must_be_one_of_them(void **state)
{
    (void)state;
    static const struct expected cases[] = {
        { "peer_uid=1000", 0 },
        { "peer_uid=0 peer_uid=1000", 0 },
        { "peer_uid=root", JETON_REASON_DENIED },
        { "peer_uid=100", JETON_REASON_DENIED },
    };

    CHECK(cases);
    assert_non_null(strstr(answer.message, "user"));
    assert_true(opens("peer_uid=root"));
    const struct jeton_question q = { .value = "", .peer_uid = 0 };
    assert_int_equal(ask(&q), 0);
}

static void the_process_that_asks_must_be_in_one_of_the_groups(void **state)
{
    (void)state;
    static const gid_t groups[] = { 7, 8 };
    static const struct {
        const char *arguments;
        size_t groups;
        int reason;
    } cases[] = {
        { "peer_gid=100", 0, 0 },
        { "peer_gid=8", 2, 0 },
        { "peer_gid=5 peer_gid=7", 2, 0 },
        { "peer_gid=8", 1, JETON_REASON_DENIED },
        { "peer_gid=8", 0, JETON_REASON_DENIED },
        { "peer_gid=root", 2, JETON_REASON_DENIED },
        { "peer_gid=1000", 2, JETON_REASON_DENIED },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct jeton_question q = {
            .value = "",
            .peer_uid = 1000,
            .peer_gid = 100,
            .peer_groups = groups,
            .peer_group_count = cases[i].groups,
        };
        assert_true(opens(cases[i].arguments));
        assert_int_equal(ask(&q), cases[i].reason);
    }
    assert_non_null(strstr(answer.message, "group"));
}

/* Check who asks before whose token it is; then subject before scope, as everywhere. */
static void all_of_it_is_required_and_the_first_in_order_is_the_reason(void **state)
{
    (void)state;
    static const struct expected cases[] = {
        { "scope=read subject=alice issuer=https://idp min_remaining=5m peer_uid=1000 peer_gid=100",
          0 },
        { "scope=admin subject=bob", JETON_REASON_SUBJECT },
        { "scope=admin issuer=x min_remaining=1d", JETON_REASON_SCOPE },
        { "scope=admin peer_uid=0", JETON_REASON_DENIED },
        { "peer_uid=1000 peer_gid=0", JETON_REASON_DENIED },
        { "peer_uid=1000 scope=admin", JETON_REASON_SCOPE },
    };

    CHECK(cases);
}

static void without_an_identity_only_who_asks_can_be_judged(void **state)
{
    (void)state;
    static const char *const narrow[] = {
        "scope=read",
        "subject=alice",
        "issuer=https://idp",
        "min_remaining=5m",
        "peer_uid=1000 scope=read",
    };

    for (size_t i = 0; i < sizeof(narrow) / sizeof(narrow[0]); i++) {
        assert_true(opens(narrow[i]));
        assert_true(require_needs_identity(instance));
        assert_int_equal(ask_about(NULL), JETON_REASON_UNKNOWN);
    }
    assert_true(opens("peer_uid=1000 peer_gid=100"));
    assert_false(require_needs_identity(instance));
    assert_int_equal(ask_about(NULL), 0);
    assert_true(opens("peer_uid=0 scope=read"));
    assert_int_equal(ask_about(NULL), JETON_REASON_DENIED);
}

static void scopes_alone_can_be_handed_out(void **state)
{
    (void)state;
    static const char *const more[] = {
        "subject=a", "issuer=a", "min_remaining=5m", "peer_uid=0", "peer_gid=0",
    };
    char text[64];

    assert_true(opens("scope=z,a,z"));
    assert_true(slice_is(require_scopes_only(instance), "a,z"));
    for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
        snprintf(text, sizeof(text), "scope=a %s", more[i]);
        assert_true(opens(text));
        assert_null(require_scopes_only(instance).at);
        assert_true(opens(more[i]));
        assert_null(require_scopes_only(instance).at);
    }
}

/* -- arguments --------------------------------------------------------------------------------- */

static void arguments_that_are_wrong_are_refused_with_what_is_right(void **state)
{
    (void)state;
    static const struct {
        const char *arguments, *word;
    } cases[] = {
        { "", "say what is required: scope=, subject=" },
        { "scop=a", "there is no argument scop=" },
        { "scope=", "scope=: this should be scopes joined by commas" },
        { "scope=a,,b", "scope=: this should be" },
        { "scope=a=b", "scope=: this should be" },
        { "scope=a scope=b", "scope= is given twice" },
        { "subject=", "subject=: this should be 1 to 256 bytes" },
        { "subject=a issuer=", "issuer=: this should be 1 to 256 bytes" },
        { "min_remaining=5", "a duration such as" },
        { "min_remaining=-5s", "a duration such as" },
        { "min_remaining=1m min_remaining=1m", "given twice" },
        { "peer_uid=", "a user of this machine" },
        { "peer_uid=no-such-user", "a user of this" },
        { "peer_uid=4294967295", "a user of this machine" },
        { "peer_uid=-1", "a user of this" },
        { "peer_gid=no-such-group", "a group of this machine" },
        { "peer_gid=4294967296", "a group of this machine" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_false(opens(cases[i].arguments));
        if (strstr(problem, cases[i].word) == NULL)
            fail_msg("%s: %s", cases[i].arguments, problem);
    }
    assert_true(opens("peer_uid=4294967294"));
}

static void there_is_space_for_sixteen_of_each(void **state)
{
    (void)state;
    static const char *const arguments[] = { "subject=a", "issuer=a", "peer_uid=7", "peer_gid=7" };

    for (size_t i = 0; i < sizeof(arguments) / sizeof(arguments[0]); i++) {
        char text[300] = "";
        for (int n = 0; n < 16; n++)
            strcat(strcat(text, arguments[i]), " ");
        assert_true(opens(text));
        strcat(text, arguments[i]);
        assert_false(opens(text));
        assert_non_null(strstr(problem, "at most 16 times"));
    }
}

static void names_have_at_most_256_bytes(void **state)
{
    (void)state;
    char text[300] = "subject=";

    memset(text + 8, 's', SUBJECT_MAX);
    text[8 + SUBJECT_MAX] = '\0';
    assert_true(opens(text));
    strcat(text, "s");
    assert_false(opens(text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(test) cmocka_unit_test_teardown(test, close_it)
        TEST(all_scopes_that_are_required_must_be_there),
        TEST(one_of_the_subjects_must_be_the_one),
        TEST(one_of_the_issuers_must_be_the_one),
        TEST(what_ends_too_soon_is_denied),
        TEST(the_user_that_asks_must_be_one_of_them),
        TEST(the_process_that_asks_must_be_in_one_of_the_groups),
        TEST(all_of_it_is_required_and_the_first_in_order_is_the_reason),
        TEST(without_an_identity_only_who_asks_can_be_judged),
        TEST(scopes_alone_can_be_handed_out),
        TEST(arguments_that_are_wrong_are_refused_with_what_is_right),
        TEST(there_is_space_for_sixteen_of_each),
        TEST(names_have_at_most_256_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
