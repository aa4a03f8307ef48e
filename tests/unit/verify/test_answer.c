/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <limits.h>
#include <stdio.h>

#include "proto/limits.h"
#include "tests/unit/support/verifier_answer.h"

static void prepare_fail(void)
{
    memset(&a, 0, sizeof(a));
    a.identity.expires = JETON_VERIFIER_NEVER;
    a.reason = JETON_REASON_UNKNOWN;
}

static const char *check(int outcome)
{
    memset(&result, 0x55, sizeof(result));
    return answer_check(outcome, &a, NULL, NOW, &result);
}

/* Check that the answer is refused with `word`, and that the result is an error only. */
static void is_invalid(int outcome, const char *word)
{
    const char *fault = check(outcome);

    assert_non_null(fault);
    if (strstr(fault, word) == NULL)
        fail_msg("\"%s\" does not result \"%s\"", fault, word);
    assert_int_equal(result.outcome, JETON_VERIFIER_ERROR);
    assert_false(result.identifies);
    assert_int_equal(result.retry_after, 0);
    assert_string_equal(result.message, "");
}

/* -- correct answers --------------------------------------------------------------------------- */

static void a_correct_pass_identifies_with_sorted_scopes(void **state)
{
    (void)state;
    prepare_pass();
    strcpy(a.identity.scopes, "write,read,read,deploy");
    assert_null(check(JETON_VERIFIER_PASS));
    assert_int_equal(result.outcome, JETON_VERIFIER_PASS);
    assert_true(result.identifies);
    assert_string_equal(a.identity.scopes, "deploy,read,write");
    assert_string_equal(a.identity.subject, "alice");
    assert_int_equal(a.identity.expires, NOW + 60);
}

static void everything_may_be_empty_and_as_long_as_the_header_says(void **state)
{
    (void)state;
    prepare_pass();
    memset(&a.identity, 0, sizeof(a.identity));
    a.identity.expires = JETON_VERIFIER_NEVER;
    assert_null(check(JETON_VERIFIER_PASS));
    assert_true(result.identifies);
    memset(a.identity.id, 'i', sizeof(a.identity.id) - 1);
    memset(a.identity.subject, 's', SUBJECT_MAX);
    memset(a.identity.issuer, 's', SUBJECT_MAX);
    memset(a.identity.scopes, 'x', SCOPES_TEXT_MAX);
    for (size_t i = 1; i < SCOPES_MAX; i++)
        memcpy(a.identity.scopes + i * (SCOPE_WORD_MAX + 1) - 1, ",", 1);
    for (size_t i = 0; i < SCOPES_MAX; i++) /* in falling order, each once */
        a.identity.scopes[i * (SCOPE_WORD_MAX + 1)] = (char)('a' + 25 - i % 26);
    for (size_t i = 26; i < SCOPES_MAX; i++)
        a.identity.scopes[i * (SCOPE_WORD_MAX + 1) + 1] = 'y';
    assert_null(check(JETON_VERIFIER_PASS));
    assert_int_equal(strlen(a.identity.scopes), SCOPES_TEXT_MAX);
    assert_int_equal(a.identity.scopes[0], 'a');
}

static void an_id_of_others_never_looks_like_one_of_ours(void **state)
{
    (void)state;
    static const char *const ids[][2] = {
        { "0123456789abcdef0123", "other:0123456789abcdef0123" },
        { "00000000000000000000", "other:00000000000000000000" },
        { "0123456789ABCDEF0123", "other:0123456789ABCDEF0123" },
        { "0123456789abcdef012", "0123456789abcdef012" },
        { "0123456789abcdef01234", "0123456789abcdef01234" },
        { "0123456789abcdef012g", "0123456789abcdef012g" },
        { "", "" },
    };

    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        prepare_pass();
        strcpy(a.identity.id, ids[i][0]);
        assert_null(check(JETON_VERIFIER_PASS));
        assert_int_equal(result.outcome, JETON_VERIFIER_PASS);
        assert_string_equal(a.identity.id, ids[i][1]);
    }
}

static void a_pass_without_an_identity_identifies_nobody(void **state)
{
    (void)state;
    prepare_pass();
    a.has_identity = 0;
    memset(&a.identity, 0xff, sizeof(a.identity));
    assert_null(check(JETON_VERIFIER_PASS));
    assert_int_equal(result.outcome, JETON_VERIFIER_PASS);
    assert_false(result.identifies);
}

static void every_reason_of_the_header_is_the_status_of_that_number(void **state)
{
    (void)state;
    for (int reason = JETON_REASON_MALFORMED; reason <= JETON_REASON_DENIED; reason++) {
        if (reason == (int)STATUS_IDENTIFIER)
            continue;
        prepare_fail();
        a.reason = reason;
        a.retry_after = 7;
        strcpy(a.message, "gr\xc3\xbc\xc3\x9f"
                          "e");
        assert_null(check(JETON_VERIFIER_FAIL));
        assert_int_equal(result.outcome, JETON_VERIFIER_FAIL);
        assert_int_equal(result.reason, reason);
        assert_int_equal(result.retry_after, 7);
        assert_string_equal(result.message, a.message);
    }
}

static void what_is_pending_always_has_a_time_to_wait(void **state)
{
    (void)state;
    prepare_fail();
    a.reason = JETON_REASON_PENDING;
    assert_null(check(JETON_VERIFIER_FAIL));
    assert_int_equal(result.retry_after, 1);
}

static void a_message_of_the_longest_length_is_kept(void **state)
{
    (void)state;
    prepare_fail();
    memset(a.message, 'm', sizeof(a.message) - 1);
    assert_null(check(JETON_VERIFIER_FAIL));
    assert_string_equal(result.message, a.message);
}

/* Fields of an answer that the outcome does not use have no effect. */
static void ignore_and_error_do_not_depend_on_the_rest_of_the_answer(void **state)
{
    (void)state;
    memset(&a, 0xff, sizeof(a));
    assert_null(check(JETON_VERIFIER_IGNORE));
    assert_int_equal(result.outcome, JETON_VERIFIER_IGNORE);
    assert_false(result.identifies);
    assert_null(check(JETON_VERIFIER_ERROR));
    assert_int_equal(result.outcome, JETON_VERIFIER_ERROR);
    assert_string_equal(a.message, ""); /* fit for the log */
    strcpy(a.message, "line\nbreak");
    assert_null(check(JETON_VERIFIER_ERROR));
    assert_string_equal(a.message, "");
    strcpy(a.message, "the server does not answer");
    assert_null(check(JETON_VERIFIER_ERROR));
    assert_string_equal(a.message, "the server does not answer");
}

static void a_fail_takes_no_identity(void **state)
{
    (void)state;
    prepare_pass();
    a.reason = JETON_REASON_DENIED;
    assert_null(check(JETON_VERIFIER_FAIL));
    assert_false(result.identifies);
}

/* -- invalid ----------------------------------------------------------------------------------- */

static void an_undefined_outcome_is_an_error(void **state)
{
    (void)state;
    static const int outcomes[] = { -1, 4, 5, 255, 256, INT_MAX, INT_MIN };

    for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
        prepare_pass();
        is_invalid(outcomes[i], "an outcome that is not defined");
    }
}

static void an_undefined_reason_is_an_error(void **state)
{
    (void)state;
    static const int reasons[] = { 0, 3, 11, 12, STATUS_UNAVAILABLE, 255, 1 << 30, -1, INT_MIN };

    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        prepare_fail();
        a.reason = reasons[i];
        is_invalid(JETON_VERIFIER_FAIL, "a fail without a valid reason");
    }
}

static void a_time_to_wait_out_of_range_is_an_error(void **state)
{
    (void)state;
    static const int64_t times[] = { -1, INT64_MIN, 367 * 86400, INT64_MAX };

    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        prepare_fail();
        a.retry_after = times[i];
        is_invalid(JETON_VERIFIER_FAIL, "a time to wait");
    }
}

static void has_identity_is_zero_or_one(void **state)
{
    (void)state;
    static const int given[] = { 2, -1, 256, INT_MAX, INT_MIN };

    for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++) {
        prepare_pass();
        a.has_identity = given[i];
        is_invalid(JETON_VERIFIER_PASS, "has_identity");
    }
}

/* A text in an answer: its address, its size, how long it may be, and a word of the error. */
struct text_field {
    char *at;
    size_t size;
    size_t most;
    int outcome;
    const char *word;
};

static const struct text_field fields[] = {
    { a.identity.id, sizeof(a.identity.id), 63, JETON_VERIFIER_PASS, "an identifier" },
    { a.identity.subject, sizeof(a.identity.subject), 256, JETON_VERIFIER_PASS, "a subject" },
    { a.identity.issuer, sizeof(a.identity.issuer), 256, JETON_VERIFIER_PASS, "an issuer" },
    { a.identity.scopes, sizeof(a.identity.scopes), 2079, JETON_VERIFIER_PASS, "scopes" },
    { a.message, sizeof(a.message), 199, JETON_VERIFIER_FAIL, "a message" },
};

enum { FIELDS = sizeof(fields) / sizeof(fields[0]) };

static void prepare(const struct text_field *p)
{
    if (p->outcome == JETON_VERIFIER_PASS)
        prepare_pass();
    else
        prepare_fail();
}

static void a_text_without_an_end_is_an_error(void **state)
{
    (void)state;
    for (size_t i = 0; i < FIELDS; i++) {
        prepare(&fields[i]);
        memset(fields[i].at, 'x', fields[i].size);
        is_invalid(fields[i].outcome, fields[i].word);
    }
}

static void a_text_that_is_too_long_is_an_error(void **state)
{
    (void)state;
    for (size_t i = 0; i < FIELDS; i++) {
        const struct text_field *p = &fields[i];
        if (p->most + 1 >= p->size)
            continue; /* a longer one would have no end */
        prepare(p);
        memset(p->at, 0, p->size);
        memset(p->at, 'x', p->most + 1);
        is_invalid(p->outcome, p->word);
    }
}

static void a_text_that_no_line_can_hold_is_an_error(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "a\nb",  "a\rb",     "\t",           "a\x1b[0m",         "\x7f", "\x01", "\xff",
        "a\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x80",
    };

    for (size_t i = 0; i < FIELDS; i++)
        for (size_t t = 0; t < sizeof(texts) / sizeof(texts[0]); t++) {
            prepare(&fields[i]);
            strcpy(fields[i].at, texts[t]);
            is_invalid(fields[i].outcome, fields[i].word);
        }
}

static void malformed_scopes_are_an_error(void **state)
{
    (void)state;
    static const char *const texts[] = {
        ",", "a,", ",a", "a,,b", "a b", "a, b", "a=b", "\xc3\xa4"
    };

    for (size_t t = 0; t < sizeof(texts) / sizeof(texts[0]); t++) {
        prepare_pass();
        strcpy(a.identity.scopes, texts[t]);
        is_invalid(JETON_VERIFIER_PASS, "malformed scopes");
    }
    prepare_pass();
    memset(a.identity.scopes, 'x', SCOPE_WORD_MAX + 1); /* one word that is too long */
    is_invalid(JETON_VERIFIER_PASS, "malformed scopes");
    prepare_pass();
    memset(a.identity.scopes, 0, sizeof(a.identity.scopes));
    for (size_t i = 0; i <= SCOPES_MAX; i++) /* one word too many, though all alike */
        strcat(a.identity.scopes, i == 0 ? "x" : ",x");
    is_invalid(JETON_VERIFIER_PASS, "malformed scopes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_correct_pass_identifies_with_sorted_scopes),
        cmocka_unit_test(everything_may_be_empty_and_as_long_as_the_header_says),
        cmocka_unit_test(an_id_of_others_never_looks_like_one_of_ours),
        cmocka_unit_test(a_pass_without_an_identity_identifies_nobody),
        cmocka_unit_test(every_reason_of_the_header_is_the_status_of_that_number),
        cmocka_unit_test(what_is_pending_always_has_a_time_to_wait),
        cmocka_unit_test(a_message_of_the_longest_length_is_kept),
        cmocka_unit_test(ignore_and_error_do_not_depend_on_the_rest_of_the_answer),
        cmocka_unit_test(a_fail_takes_no_identity),
        cmocka_unit_test(an_undefined_outcome_is_an_error),
        cmocka_unit_test(an_undefined_reason_is_an_error),
        cmocka_unit_test(a_time_to_wait_out_of_range_is_an_error),
        cmocka_unit_test(has_identity_is_zero_or_one),
        cmocka_unit_test(a_text_without_an_end_is_an_error),
        cmocka_unit_test(a_text_that_is_too_long_is_an_error),
        cmocka_unit_test(a_text_that_no_line_can_hold_is_an_error),
        cmocka_unit_test(malformed_scopes_are_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
