/* SPDX-License-Identifier: Apache-2.0 */
/* introspect.so: without memory an answer of the server is an error, never another answer. */
#include "tests/unit/support/introspect_fixture.h"

#define SUBJECT "administrator-of-nothing"

/* Scopes, audiences and escapes make the parser grow its buffers more than once. */
#define BODY                                                                                     \
    "{\"active\":true,\"jti\":\"t-1\",\"x\":[[1.5,\"\\u0061\"],{\"y\":null}],\"sub\":\"" SUBJECT \
    "\",\"scope\":\"a b c\",\"aud\":[\"me\",\"us\"],\"iss\":\"https://idp.example/a/long/path\"}"

#if JETON_SANITIZED
static _Atomic unsigned fail_at;
enum { CAN_FAIL = 0 };
#else
static _Atomic unsigned fail_at; /* this many allocations from now; 0: none fails */
enum { CAN_FAIL = 1 };

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *at, size_t size);

static bool fails(void)
{
    if (fail_at == 0 || --fail_at > 0)
        return false;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *at, size_t size)
{
    return fails() ? NULL : __libc_realloc(at, size);
}
#endif

static void each_failed_allocation_is_an_error_or_changes_nothing(void **state)
{
    (void)state;
    unsigned failed = 0, errors = 0;
    bool done = false;

    if (!CAN_FAIL)
        skip();
    void *in = OPEN(at("http"), "cache=0s", "negative_cache=0s");
    command("say 200 application/json %s", BODY);
    assert_passes(in, "warm-up");
    for (unsigned n = 1; !done; n++) {
        struct jeton_question q = { .value = "value",
                                    .value_length = 5,
                                    .service = "other",
                                    .now = now,
                                    .deadline = monotonic() + timeout * 1000000 };
        answer = (struct jeton_answer){ .identity.expires = JETON_VERIFIER_NEVER };
        fail_at = n;
        int outcome = module->verify(in, &q, &answer);
        done = fail_at != 0;
        fail_at = 0;
        failed += !done;
        errors += outcome == JETON_VERIFIER_ERROR;
        assert_true(outcome == JETON_VERIFIER_PASS || outcome == JETON_VERIFIER_ERROR);
        if (outcome == JETON_VERIFIER_PASS) {
            assert_string_equal(answer.identity.subject, SUBJECT);
            assert_string_equal(answer.identity.issuer, "https://idp.example/a/long/path");
            assert_string_equal(answer.identity.scopes, "a,b,c");
            assert_string_equal(answer.identity.id, "t-1");
        }
        assert_true(!done || outcome == JETON_VERIFIER_PASS);
    }
    assert_true(failed > 40 && errors > 30);
    module->close(in);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_failed_allocation_is_an_error_or_changes_nothing, reset),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
