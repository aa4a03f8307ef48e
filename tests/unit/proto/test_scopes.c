/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/scopes.h"

static void assert_text(const struct text *t, const char *expected)
{
    assert_false(t->cut);
    assert_int_equal(t->len, strlen(expected));
    assert_memory_equal(t->at, expected, t->len);
}

static void scopes_are_sorted_and_unique(void **state)
{
    (void)state;
    char buffer[SCOPES_TEXT_MAX];
    struct text t = text_in(buffer, sizeof(buffer));

    assert_null(scopes_normalise(slice_of("read,deploy,read,a:*"), &t));
    assert_text(&t, "a:*,deploy,read");
    assert_non_null(scopes_normalise(slice_of("a,,b"), &t));
    assert_non_null(scopes_normalise(slice_of("a b"), &t));
    assert_non_null(scopes_normalise(slice_of("a,"), &t));
}

static void a_scope_has_its_characters_and_no_others(void **state)
{
    (void)state;
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/*-";

    for (int byte = 0; byte < 256; byte++) {
        const char word[] = { 'a', (char)byte, 'z' };
        bool valid = byte == ',' || (byte != 0 && strchr(allowed, byte) != NULL);
        assert_int_equal(scopes_fault((struct slice){ word, 3 }) == NULL, valid);
    }
}

static void scopes_are_compared_whole(void **state)
{
    (void)state;
    struct slice had = SLICE("deploy,read");

    assert_true(scopes_include(had, slice_of("")));
    assert_true(scopes_include(had, slice_of("read,deploy")));
    assert_false(scopes_include(had, slice_of("rea")));
    assert_false(scopes_include(had, slice_of("read,write")));
    assert_false(scopes_include(slice_of(""), slice_of("read")));
    assert_false(scopes_include(slice_of("*"), slice_of("read")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scopes_are_sorted_and_unique),
        cmocka_unit_test(a_scope_has_its_characters_and_no_others),
        cmocka_unit_test(scopes_are_compared_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
