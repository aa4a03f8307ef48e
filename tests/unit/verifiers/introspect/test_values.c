/* SPDX-License-Identifier: Apache-2.0 */
/* introspect.so: which values the server is asked about. */
#include "tests/unit/support/introspect_fixture.h"

static void values_that_cannot_be_tokens_are_ignored(void **state)
{
    (void)state;
    void *in = OPEN(at("http"));
    static char longest[4098];

    command(ACTIVE);
    memset(longest, 'x', sizeof(longest));
    assert_int_equal(ask_into(in, "", 0, &answer), JETON_VERIFIER_IGNORE);
    assert_int_equal(ask_into(in, longest, 4097, &answer), JETON_VERIFIER_IGNORE);
    assert_int_equal(ask_into(in, "a\0b", 3, &answer), JETON_VERIFIER_IGNORE);
    assert_int_equal(ask(in, "caf\xc3\xa9"), JETON_VERIFIER_IGNORE);
    assert_int_equal(ask(in, "a\tb"), JETON_VERIFIER_IGNORE);
    assert_int_equal(ask(in, "a\x7f"), JETON_VERIFIER_IGNORE);
    assert_int_equal(ask(in, " a"), JETON_VERIFIER_IGNORE);
    assert_int_equal(ask(in, "a "), JETON_VERIFIER_IGNORE);
    assert_int_equal(ask(in, "a b"), JETON_VERIFIER_IGNORE);
    assert_int_equal(ask(in, "a\r\n"), JETON_VERIFIER_IGNORE);
    assert_int_equal(counter("requests"), 0);
    assert_int_equal(ask_into(in, longest, 4096, &answer), JETON_VERIFIER_PASS);
    assert_int_equal(strlen(command("last token")), 4096);
    module->close(in);
}

/* A server that decodes JWTs leniently takes the other spellings for the same token, and so a
 * denial of one of them would not hold for the others. */
static void another_spelling_of_a_jwt_is_ignored(void **state)
{
    (void)state;
    void *in = OPEN(at("http"));
    static const struct {
        const char *value;
        int outcome;
    } cases[] = {
        { "eyJhIjoxfQ.e30.AAAA", JETON_VERIFIER_PASS },
        { "eyJhIjoxfQ.e30.AAA", JETON_VERIFIER_PASS },
        { "eyJhIjoxfQ.e30.-_8", JETON_VERIFIER_PASS },
        { "eyJhIjoxfQ.e30.", JETON_VERIFIER_PASS },
        { "eyJhIjoxfQ.AA.AA.AA.AA", JETON_VERIFIER_PASS },
        { "eyJhIjoxfQ.e30.AAA=", JETON_VERIFIER_IGNORE },
        { "eyJhIjoxfQ==.e30.AAAA", JETON_VERIFIER_IGNORE },
        { "eyJhIjoxfQ.e30.AAB", JETON_VERIFIER_IGNORE },
        { "eyJhIjoxfQ.e30.AB", JETON_VERIFIER_IGNORE },
        { "eyJhIjoxfR.e30.AAAA", JETON_VERIFIER_IGNORE },
        { "eyJhIjoxfQ.e30.AAAAA", JETON_VERIFIER_IGNORE },
        { "eyJhIjoxfQ.e30.+/8", JETON_VERIFIER_IGNORE },
        { "eyJhIjoxfQ.AA.AA.AA.AB", JETON_VERIFIER_IGNORE },
        { "opaque.with.stops=", JETON_VERIFIER_PASS },
        { "eyJhIjoxfQ==", JETON_VERIFIER_PASS },
    };

    command(ACTIVE);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (ask(in, cases[i].value) != cases[i].outcome)
            fail_msg("%s", cases[i].value);
    module->close(in);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(values_that_cannot_be_tokens_are_ignored, reset),
        cmocka_unit_test_setup(another_spelling_of_a_jwt_is_ignored, reset),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
