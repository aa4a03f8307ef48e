/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/support/verifier_answer.h"

static const struct jeton_identity alice = {
    .expires = NOW + 100,
    .id = "first",
    .subject = "alice",
    .issuer = "https://idp",
    .scopes = "deploy,read,write",
};

static const char *check_after(const struct jeton_identity *known)
{
    return answer_check(JETON_VERIFIER_PASS, &a, known, NOW, &result);
}

static void a_later_identity_leaves_what_both_have(void **state)
{
    (void)state;
    static const struct {
        const char *later, *left;
    } cases[] = {
        { "read", "read" },
        { "write,admin,read", "read,write" },
        { "admin", "" },
        { "", "" },
        { "write,deploy,read", "deploy,read,write" },
        { "rea,readx,re,d,write-", "" },
        { "a,deploy,z", "deploy" },
        { "*", "" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        prepare_pass();
        strcpy(a.identity.scopes, cases[i].later);
        assert_null(check_after(&alice));
        assert_true(result.identifies);
        assert_string_equal(a.identity.scopes, cases[i].left);
    }
}

static void the_earlier_end_is_the_end(void **state)
{
    (void)state;
    static const struct {
        int64_t later, left;
    } cases[] = {
        { NOW + 99, NOW + 99 },
        { NOW + 101, NOW + 100 },
        { JETON_VERIFIER_NEVER, NOW + 100 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        prepare_pass();
        a.identity.expires = cases[i].later;
        assert_null(check_after(&alice));
        assert_int_equal(a.identity.expires, cases[i].left);
    }
}

static void the_first_identity_keeps_id_subject_and_issuer(void **state)
{
    (void)state;
    struct jeton_identity nameless = alice;

    prepare_pass();
    strcpy(a.identity.id, "second");
    a.identity.subject[0] = a.identity.issuer[0] = '\0';
    assert_null(check_after(&alice));
    assert_string_equal(a.identity.id, "first");
    assert_string_equal(a.identity.subject, "alice");
    assert_string_equal(a.identity.issuer, "https://idp");
    nameless.issuer[0] = '\0'; /* as in the table, which has no issuer */
    prepare_pass();
    assert_null(check_after(&nameless));
    assert_string_equal(a.identity.issuer, "");
}

static void somebody_else_is_an_error(void **state)
{
    (void)state;
    struct jeton_identity nobody = alice;

    prepare_pass();
    strcpy(a.identity.subject, "alic");
    assert_non_null(strstr(check_after(&alice), "another subject"));
    assert_int_equal(result.outcome, JETON_VERIFIER_ERROR);
    prepare_pass();
    strcpy(a.identity.issuer, "https://idp2");
    assert_non_null(strstr(check_after(&alice), "another issuer"));
    assert_int_equal(result.outcome, JETON_VERIFIER_ERROR);
    nobody.subject[0] = '\0'; /* a missing subject is not filled in */
    prepare_pass();
    assert_non_null(strstr(check_after(&nobody), "another subject"));
    assert_int_equal(result.outcome, JETON_VERIFIER_ERROR);
}

static void an_identity_that_has_ended_is_expired(void **state)
{
    (void)state;
    static const int64_t ends[] = { NOW, NOW - 1, 0, -1, INT64_MIN };
    struct jeton_identity ended = alice;

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        prepare_pass();
        a.identity.expires = ends[i];
        assert_null(check_after(NULL));
        assert_int_equal(result.outcome, JETON_VERIFIER_FAIL);
        assert_int_equal(result.reason, STATUS_EXPIRED);
        assert_false(result.identifies);
        prepare_pass();
        ended.expires = ends[i]; /* while it waited for the later verifier */
        assert_null(check_after(&ended));
        assert_int_equal(result.reason, STATUS_EXPIRED);
        assert_false(result.identifies);
    }
}

static void a_leeway_lets_an_identity_pass_after_its_end(void **state)
{
    (void)state;
    struct jeton_identity ended = alice;

    for (int64_t late = 0; late <= 31; late++) {
        prepare_pass();
        a.identity.expires = NOW - late;
        a.identity.leeway = 30;
        assert_null(check_after(NULL));
        assert_int_equal(result.outcome, late < 30 ? JETON_VERIFIER_PASS : JETON_VERIFIER_FAIL);
        assert_int_equal(a.identity.expires, NOW - late);
        prepare_pass(); /* a later verifier neither takes it nor adds to it */
        ended.expires = NOW - late;
        ended.leeway = 30;
        a.identity.expires = NOW + 60;
        a.identity.leeway = 300;
        assert_null(check_after(&ended));
        assert_int_equal(result.outcome, late < 30 ? JETON_VERIFIER_PASS : JETON_VERIFIER_FAIL);
        assert_int_equal(a.identity.expires, NOW - late);
        assert_int_equal(a.identity.leeway, 30);
    }
    prepare_pass();
    a.identity.leeway = 301;
    assert_non_null(strstr(check_after(NULL), "leeway"));
    a.identity.leeway = -1;
    assert_non_null(strstr(check_after(NULL), "leeway"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_later_identity_leaves_what_both_have),
        cmocka_unit_test(the_earlier_end_is_the_end),
        cmocka_unit_test(the_first_identity_keeps_id_subject_and_issuer),
        cmocka_unit_test(somebody_else_is_an_error),
        cmocka_unit_test(an_identity_that_has_ended_is_expired),
        cmocka_unit_test(a_leeway_lets_an_identity_pass_after_its_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
