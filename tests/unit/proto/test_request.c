/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/request.h"

static enum status parse(const char *line, enum role role, struct request *request)
{
    static char bytes[512];
    struct problem problem;

    strcpy(bytes, line);
    const struct request_line look = request_look(bytes, strlen(bytes));
    return request_parse(&look, role, request, &problem);
}

static void requests_are_checked_verb_role_arguments(void **state)
{
    (void)state;
    struct request r;

    assert_int_equal(parse("verify abc", ROLE_VERIFY, &r), STATUS_OK);
    assert_true(slice_is(r.value[KEY_TOKEN], "abc"));
    assert_int_equal(parse("verify token=abc", ROLE_VERIFY, &r), STATUS_OK);
    assert_int_equal(parse("* import digest=00", ROLE_ADMIN, &r), STATUS_OK);
    assert_int_equal(parse("frobnicate", ROLE_ADMIN, &r), STATUS_UNKNOWN_VERB);
    assert_int_equal(parse("create bogus=\"", ROLE_VERIFY, &r), STATUS_FORBIDDEN);
    assert_int_equal(parse("create expire=2030-01-01T00:00:00Z", ROLE_ADMIN, &r),
                     STATUS_UNKNOWN_KEY);
    assert_int_equal(parse("create ttl=1d ttl=2d", ROLE_ADMIN, &r), STATUS_DUPLICATE_KEY);
    assert_int_equal(parse("create ttl=1d expires=2030-01-01T00:00:00Z", ROLE_ADMIN, &r),
                     STATUS_SYNTAX);
    assert_int_equal(parse("create stray", ROLE_ADMIN, &r), STATUS_SYNTAX);
    assert_int_equal(parse("create group=web confirm=all wait=5s", ROLE_ADMIN, &r), STATUS_OK);
    assert_int_equal(parse("create group=web", ROLE_SELF, &r), STATUS_FORBIDDEN);
    assert_int_equal(parse("create group=", ROLE_ADMIN, &r), STATUS_BAD_VALUE);
    assert_int_equal(parse("create confirm=all", ROLE_ADMIN, &r), STATUS_SYNTAX);
    assert_int_equal(parse("create subject=a wait=5s", ROLE_ADMIN, &r), STATUS_SYNTAX);
    assert_int_equal(parse("revoke token=x confirm=all", ROLE_VERIFY, &r), STATUS_FORBIDDEN);
    assert_int_equal(parse("revoke 00112233445566778899 confirm=all", ROLE_ADMIN, &r), STATUS_OK);
    assert_int_equal(parse("revoke group=web count=3 confirm=all", ROLE_ADMIN, &r), STATUS_OK);
    assert_int_equal(parse("import digest=00 group=web by=uid:1", ROLE_ADMIN, &r), STATUS_SYNTAX);
    assert_int_equal(parse("verify", ROLE_VERIFY, &r), STATUS_MISSING);
    assert_int_equal(parse("verify a b", ROLE_VERIFY, &r), STATUS_SYNTAX);
    assert_int_equal(parse("revoke id=a token=b", ROLE_ADMIN, &r), STATUS_SYNTAX);
}

/* What a stranger presents as a value may go on as arguments. */
static void value_that_is_a_word_is_the_last_word_of_its_line(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "verify abc service=public",
        "verify abc scope=a",
        "verify scope=a abc service=b",
        "verify abc token=abc",
        "verify \"abc\" service=x",
        "id abc token=x",
        "id abc def",
        "verify token=abc def",
    };
    struct request r;

    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        assert_int_equal(parse(refused[i], ROLE_ADMIN, &r), STATUS_SYNTAX);
    assert_int_equal(parse("verify scope=a service=b abc", ROLE_VERIFY, &r), STATUS_OK);
    assert_int_equal(parse("verify token=\"abc\" scope=a", ROLE_VERIFY, &r), STATUS_OK);
    assert_true(slice_is(r.value[KEY_TOKEN], "abc"));
    assert_int_equal(parse("update abc scopes=a", ROLE_ADMIN, &r), STATUS_OK);
}

/* Where a line has one plain word, it is not split; it means the same. */
static void one_plain_word_means_what_it_means_in_any_line(void **state)
{
    (void)state;
    static const struct {
        const char *line, *value; /* NULL: none */
        enum status status;
    } cases[] = {
        { "verify jtn_0aZ", "jtn_0aZ", STATUS_OK },
        { "verify   jtn_0aZ", "jtn_0aZ", STATUS_OK },
        { " verify jtn_0aZ", "jtn_0aZ", STATUS_OK },
        { "verify jtn_0aZ ", "jtn_0aZ", STATUS_OK },
        { "verify QUJD=", "QUJD=", STATUS_OK },
        { "verify A=B", "A=B", STATUS_OK },
        { "verify =", "=", STATUS_OK },
        { "verify \"a b\"", "a b", STATUS_OK },
        { "verify token=x", "x", STATUS_OK },
        { "verify bogus=x", NULL, STATUS_UNKNOWN_KEY },
        { "verify scope=x", NULL, STATUS_MISSING },
        { "verify a\"b", NULL, STATUS_SYNTAX },
        { "verify a\\b", NULL, STATUS_SYNTAX },
        { "verify a\tb", NULL, STATUS_SYNTAX },
        { "verify \x01", NULL, STATUS_SYNTAX },
        { "verify \xff", NULL, STATUS_SYNTAX },
        { "verify ", NULL, STATUS_MISSING },
        { "verifyx a", NULL, STATUS_UNKNOWN_VERB },
        { "ping a", NULL, STATUS_SYNTAX },
    };
    struct request r;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(parse(cases[i].line, ROLE_ADMIN, &r), cases[i].status);
        if (cases[i].value == NULL)
            continue;
        assert_true(request_has(&r, KEY_TOKEN));
        assert_int_equal(r.has & (r.has - 1), 0);
        assert_true(slice_is(r.value[KEY_TOKEN], cases[i].value));
    }
}

static void every_verb_has_a_row(void **state)
{
    (void)state;
    for (enum verb v = 0; v < VERB_COUNT; v++) {
        assert_int_equal(verb_named(slice_of(verb_row(v)->name)), v);
        assert_true(slice_begins(slice_of(verb_row(v)->usage), verb_row(v)->name));
    }
}

static void self_grants_what_is_named_and_nothing_else(void **state)
{
    static const enum verb granted[] = { VERB_CREATE, VERB_LIST,   VERB_SHOW,  VERB_UPDATE,
                                         VERB_ROTATE, VERB_REVOKE, VERB_HELLO, VERB_HELP,
                                         VERB_PING,   VERB_QUIT,   VERB_POLICY };
    struct request r;

    (void)state;
    for (enum verb verb = 0; verb < VERB_COUNT; verb++) {
        bool wanted = false;
        for (size_t i = 0; i < sizeof(granted) / sizeof(granted[0]); i++)
            wanted = wanted || granted[i] == verb;
        assert_int_equal(request_grants(ROLE_SELF, verb), wanted);
    }
    assert_int_equal(parse("revoke abc", ROLE_SELF, &r), STATUS_OK);
    assert_int_equal(parse("revoke abc", ROLE_OBSERVE, &r), STATUS_FORBIDDEN);
    assert_int_equal(parse("create subject=a ttl=1d", ROLE_SELF, &r), STATUS_OK);
    assert_int_equal(parse("list policy=violated", ROLE_SELF, &r), STATUS_FORBIDDEN);
    assert_int_equal(parse("policy", ROLE_SELF, &r), STATUS_OK);
    assert_int_equal(parse("policy", ROLE_VERIFY, &r), STATUS_FORBIDDEN);
    assert_int_equal(parse("list policy=violated", ROLE_OBSERVE, &r), STATUS_OK);
    assert_int_equal(parse("verify abc", ROLE_SELF, &r), STATUS_FORBIDDEN);
    assert_int_equal(parse("import token=abc", ROLE_SELF, &r), STATUS_FORBIDDEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_checked_verb_role_arguments),
        cmocka_unit_test(value_that_is_a_word_is_the_last_word_of_its_line),
        cmocka_unit_test(one_plain_word_means_what_it_means_in_any_line),
        cmocka_unit_test(every_verb_has_a_row),
        cmocka_unit_test(self_grants_what_is_named_and_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
