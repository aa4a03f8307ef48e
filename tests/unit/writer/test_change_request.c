/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sodium.h>

#include "daemon/writer/change_request.h"
#include "daemon/writer/new_values.h"

static struct problem problem;

static struct change *change_for(const char *line)
{
    static const struct change_request_context context = {
        .uid = 1, .pid = 2, .login = PEERCRED_NO_LOGIN, .prefix = "jtn"
    };
    static char bytes[1024];
    struct request r;

    strcpy(bytes, line);
    const struct request_line look = request_look(bytes, strlen(bytes));
    if (request_parse(&look, ROLE_ADMIN, &r, &problem) != STATUS_OK)
        return NULL;
    return change_request_read(&r, &context, &problem);
}

static void create_reads_the_claims_and_needs_a_value(void **state)
{
    (void)state;
    struct change *c = change_for("create description=\"ci deploy\" scopes=read,deploy ttl=90d");

    assert_non_null(c);
    assert_true(c->needs_value);
    assert_int_equal(c->value_len, 0);
    assert_int_equal(c->ttl, 90 * 86400);
    assert_true(slice_is(record_scopes(&c->want), "deploy,read"));
    change_free(c);
}

static void each_change_that_needs_a_value_gets_its_own(void **state)
{
    (void)state;
    struct mail_list changes = { NULL, NULL };
    uint8_t digest[DIGEST_SIZE], last[DIGEST_SIZE] = { 0 };

    for (int i = 0; i < 100; i++)
        mail_append(&changes,
                    &change_for(i % 3 == 0 ? "revoke 00112233445566778899" : "create")->mail);
    new_values_make(&changes, "jtn");
    for (int i = 0; i < 100; i++) {
        struct change *c = (struct change *)mail_pop(&changes);
        assert_false(c->needs_value);
        assert_int_equal(c->value_len, i % 3 == 0 ? 0 : 53);
        if (i % 3 != 0) {
            token_digest((struct slice){ c->value, c->value_len }, digest);
            assert_memory_equal(digest, c->want.digest, DIGEST_SIZE);
            assert_memory_not_equal(digest, last, DIGEST_SIZE);
            memcpy(last, digest, DIGEST_SIZE);
        }
        change_free(c);
    }
}

static void bad_values_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum status status;
        const char *word;
    } cases[] = {
        { "create ttl=90", STATUS_BAD_VALUE, "ttl=" },
        { "create ttl=0s", STATUS_BAD_VALUE, "ttl=" },
        { "create expires=tomorrow", STATUS_BAD_VALUE, "expires=" },
        { "create scopes=a,,b", STATUS_BAD_VALUE, "scopes=" },
        { "revoke jtn_abc", STATUS_BAD_VALUE, "token=\"VALUE\"" },
        { "import token=short", STATUS_TOO_SHORT, "32 bytes" },
        { "import token=jtn_0123456789012345678901234567890123456789012", STATUS_BAD_VALUE,
          "mistyped" },
        { "import digest=12", STATUS_BAD_VALUE, "64 hex digits" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_null(change_for(cases[i].line));
        assert_int_equal(problem.status, cases[i].status);
        assert_non_null(strstr(problem.message, cases[i].word));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(create_reads_the_claims_and_needs_a_value),
        cmocka_unit_test(each_change_that_needs_a_value_gets_its_own),
        cmocka_unit_test(bad_values_are_named),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
