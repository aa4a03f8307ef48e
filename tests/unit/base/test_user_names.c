/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/user_names.h"

enum { UNUSED = 62099, MANY = 10000, PATIENCE = 40000, ASKERS = 2000 };

/* Of their own type: an enumerator above INT_MAX makes some compilers take all of them as unsigned. */
static const uid_t nobody_has = 3999000000;

static struct user_names *names;
static struct mailbox mailbox;
static unsigned delivered;

static void note(struct mail *mail)
{
    (void)mail;
    delivered++;
}

static void ask(struct user_question *q, uid_t uid)
{
    *q =
        (struct user_question){ .mail = { .on_delivery = note }, .reply_to = &mailbox, .uid = uid };
    user_names_ask(names, q);
}

static void wait_for(unsigned count)
{
    struct pollfd wake = { .fd = mailbox.wake, .events = POLLIN };

    while (delivered < count) {
        assert_int_equal(poll(&wake, 1, PATIENCE), 1);
        mailbox_deliver(&mailbox, SIZE_MAX);
    }
}

static int set_up(void **state)
{
    (void)state;
    delivered = 0;
    names = user_names_new(&(struct user_names_settings){ .threads = 4, .seconds = 3, .none = 3 });
    return names == NULL ? -1 : mailbox_init(&mailbox);
}

static int tear_down(void **state)
{
    (void)state;
    bool ended = user_names_free(names);
    mailbox_destroy(&mailbox);
    return ended ? 0 : -1;
}

static void names_of_users_are_found_and_of_others_none(void **state)
{
    static const struct {
        uid_t uid;
        int error;
    } others[] = { { USER_NAMES_OVERFLOW, EPERM }, { (uid_t)-1, EPERM }, { UNUSED, ENOENT } };
    struct user_question q;

    (void)state;
    ask(&q, 0);
    wait_for(1);
    assert_int_equal(q.error, 0);
    assert_string_equal(q.name, getpwuid(0)->pw_name);
    for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        ask(&q, others[i].uid);
        wait_for(i + 2);
        assert_int_not_equal(q.error, 0);
        if (others[i].error != ENOENT) /* a source of this host may not answer */
            assert_int_equal(q.error, others[i].error);
        assert_string_equal(q.name, "");
    }
}

static void many_who_ask_at_once_are_all_answered_alike(void **state)
{
    static struct user_question q[ASKERS];

    (void)state;
    for (int i = 0; i < ASKERS; i++)
        ask(&q[i], i % 2 == 0 ? 0 : (uid_t)(UNUSED + i));
    wait_for(ASKERS);
    for (int i = 0; i < ASKERS; i++) {
        assert_int_equal(q[i].error == 0, i % 2 == 0);
        assert_null(q[i].waits_for);
    }
    user_names_tick(names);
}

static void a_question_that_is_taken_back_is_not_answered(void **state)
{
    static struct user_question q[ASKERS];
    unsigned expected = 0;

    (void)state;
    for (int i = 0; i < ASKERS; i++)
        ask(&q[i], (uid_t)(UNUSED + i / 2));
    for (int i = 0; i < ASKERS; i++)
        expected += !user_names_cancel(names, &q[i]);
    wait_for(expected);
    struct user_question last;
    ask(&last, 0);
    wait_for(expected + 1);
    assert_int_equal(delivered, expected + 1);
}

static void more_uids_than_are_kept_push_out_those_that_are_known(void **state)
{
    static struct user_question q[USER_NAMES_MAX + 100];
    const unsigned count = sizeof(q) / sizeof(q[0]);

    (void)state;
    for (unsigned i = 0; i < count; i++) {
        ask(&q[i], (uid_t)(100000 + i));
        wait_for(i + 1);
        assert_int_not_equal(q[i].error, EBUSY);
    }
}

/* -- who does not wait ------------------------------------------------------------------------ */

static void on_found(void *found)
{
    atomic_fetch_add((atomic_int *)found, 1);
}

/* Ask until the answer is this one. */
static bool becomes(struct user_names *asked, uid_t uid, char *name, enum user_name_found wanted)
{
    for (int i = 0; i < PATIENCE; i++) {
        if (user_names_get(asked, uid, name) == wanted)
            return true;
        usleep(1000);
    }
    return false;
}

static struct user_names *begin(atomic_int *found)
{
    const struct user_names_settings settings = {
        .threads = 1, .seconds = 300, .none = 30, .on_found = on_found, .context = found
    };

    return user_names_new(&settings);
}

static void name_is_found_after_it_was_pending_and_then_at_once(void **state)
{
    char name[USER_NAME_MAX + 1] = "";
    atomic_int found = 0;
    struct user_names *asked = begin(&found);

    (void)state;
    assert_int_equal(user_names_get(asked, getuid(), name), USER_NAME_PENDING);
    assert_true(becomes(asked, getuid(), name, USER_NAME_FOUND));
    assert_string_equal(name, getpwuid(getuid())->pw_name);
    assert_true(found > 0);
    assert_int_equal(user_names_get(asked, getuid(), name), USER_NAME_FOUND);
    assert_true(user_names_free(asked));
}

static void user_without_a_name_has_none(void **state)
{
    char name[USER_NAME_MAX + 1] = "unchanged";
    atomic_int found = 0;
    struct user_names *asked = begin(&found);

    (void)state;
    assert_int_equal(user_names_get(asked, nobody_has, name), USER_NAME_PENDING);
    assert_true(becomes(asked, nobody_has, name, USER_NAME_NONE));
    assert_string_equal(name, "unchanged");
    assert_true(user_names_free(asked));
}

static void more_users_than_are_kept_are_answered_all_the_same(void **state)
{
    char name[USER_NAME_MAX + 1];
    atomic_int found = 0;
    struct user_names *asked = begin(&found);

    (void)state;
    for (uid_t i = 0; i < MANY; i++)
        user_names_get(asked, nobody_has + i, name);
    assert_true(becomes(asked, getuid(), name, USER_NAME_FOUND));
    assert_true(user_names_free(asked));
}

static void name_that_was_known_stays_so_until_it_is_looked_up_again(void **state)
{
    const struct user_names_settings settings = { .threads = 1, .seconds = 0 };
    struct user_names *asked = user_names_new(&settings);
    char name[USER_NAME_MAX + 1];

    (void)state;
    assert_true(becomes(asked, getuid(), name, USER_NAME_FOUND));
    for (int i = 0; i < 100; i++)
        assert_int_equal(user_names_get(asked, getuid(), name), USER_NAME_FOUND);
    assert_true(user_names_free(asked));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_of_users_are_found_and_of_others_none, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(many_who_ask_at_once_are_all_answered_alike, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_question_that_is_taken_back_is_not_answered, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(more_uids_than_are_kept_push_out_those_that_are_known,
                                        set_up, tear_down),
        cmocka_unit_test(name_is_found_after_it_was_pending_and_then_at_once),
        cmocka_unit_test(user_without_a_name_has_none),
        cmocka_unit_test(more_users_than_are_kept_are_answered_all_the_same),
        cmocka_unit_test(name_that_was_known_stays_so_until_it_is_looked_up_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
