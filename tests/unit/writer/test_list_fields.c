/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/writer/list_fields.h"

static const char line[] = "* id=ab state=active subject=\"a id=x \\\" b\\\\\" scopes=a,b "
                           "description=\"id=1 used=\\\"\"\n";

/* Check what is left of the line, behind what was there before it. */
static void check(const char *names, const char *wanted)
{
    char bytes[256];
    struct text t = text_in(bytes, sizeof(bytes));
    uint64_t fields;

    assert_null(list_fields_read(slice_of(names), &fields));
    text_adds(&t, "* id=before\n");
    size_t begin = t.len;
    text_adds(&t, line);
    list_fields_keep(&t, begin, fields);
    assert_true(slice_is((struct slice){ bytes + begin, t.len - begin }, wanted));
    assert_true(slice_begins(text_slice(&t), "* id=before\n"));
}

static void only_what_is_named_is_kept_whatever_texts_look_like(void **state)
{
    (void)state;
    check("id", "* id=ab\n");
    check("used", "*\n");
    check("subject,id", "* id=ab subject=\"a id=x \\\" b\\\\\"\n");
    check("description", "* description=\"id=1 used=\\\"\"\n");
    check("id,state,subject,scopes,description", line);
}

static void names_are_known_and_given_once(void **state)
{
    static const char *const wrong[] = {
        "", ",", "id,", ",id", "id,id", "token", "Id", "id state"
    };
    uint64_t fields;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_non_null(list_fields_read(slice_of(wrong[i]), &fields));
    assert_null(
        list_fields_read(slice_of("id,state,created,by,used,replaces,activates,expires,subject,"
                                  "scopes,description"),
                         &fields));
}

static void names_of_users_are_told_apart(void **state)
{
    uint64_t fields;

    (void)state;
    assert_null(list_fields_read(slice_of("id,by,revoked_by,description,violates"), &fields));
    assert_false(list_fields_have_names(fields));
    assert_null(list_fields_read(slice_of("id,refused_by_name"), &fields));
    assert_true(list_fields_have_names(fields));
    assert_false(list_fields_have_names(0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_is_named_is_kept_whatever_texts_look_like),
        cmocka_unit_test(names_are_known_and_given_once),
        cmocka_unit_test(names_of_users_are_told_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
