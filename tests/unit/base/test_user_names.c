/* SPDX-License-Identifier: Apache-2.0 */
/* Names of users are looked up by a thread of their own, whoever asks does not wait, and memory stays
 * bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/user_names.h"

enum { NOBODY_HAS = 3999000000u, MANY = 5000, PATIENCE = 20000 /* milliseconds */ };

static void on_found(void *found)
{
    atomic_fetch_add((atomic_int *)found, 1);
}

/* Ask until the answer is this one. */
static bool becomes(struct user_names *names, uid_t uid, char *name, enum user_name_found wanted)
{
    for (int i = 0; i < PATIENCE; i++) {
        if (user_names_get(names, uid, name) == wanted)
            return true;
        usleep(1000);
    }
    return false;
}

static void name_is_found_after_it_was_pending_and_then_at_once(void **state)
{
    char name[USER_NAME_MAX + 1] = "";
    atomic_int found = 0;
    struct user_names *names = user_names_new(on_found, &found);

    (void)state;
    assert_int_equal(user_names_get(names, getuid(), name), USER_NAME_PENDING);
    assert_true(becomes(names, getuid(), name, USER_NAME_FOUND));
    assert_string_equal(name, getpwuid(getuid())->pw_name);
    assert_true(found > 0);
    assert_int_equal(user_names_get(names, getuid(), name), USER_NAME_FOUND);
    assert_true(user_names_free(names));
}

static void user_without_a_name_has_none(void **state)
{
    char name[USER_NAME_MAX + 1] = "unchanged";
    atomic_int found = 0;
    struct user_names *names = user_names_new(on_found, &found);

    (void)state;
    assert_int_equal(user_names_get(names, NOBODY_HAS, name), USER_NAME_PENDING);
    assert_true(becomes(names, NOBODY_HAS, name, USER_NAME_NONE));
    assert_string_equal(name, "unchanged");
    assert_true(user_names_free(names));
}

static void more_users_than_are_kept_are_answered_all_the_same(void **state)
{
    char name[USER_NAME_MAX + 1];
    atomic_int found = 0;
    struct user_names *names = user_names_new(on_found, &found);

    (void)state;
    for (uid_t i = 0; i < MANY; i++)
        user_names_get(names, NOBODY_HAS + i, name);
    assert_true(becomes(names, getuid(), name, USER_NAME_FOUND));
    assert_true(user_names_free(names));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(name_is_found_after_it_was_pending_and_then_at_once),
        cmocka_unit_test(user_without_a_name_has_none),
        cmocka_unit_test(more_users_than_are_kept_are_answered_all_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
