/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <sched.h>

#include "daemon/base/mailbox.h"

enum { POSTERS = 2, POSTS = 20000, PATIENCE = 30000 };

static bool is_readable(const struct mailbox *box, int milliseconds)
{
    struct pollfd wake = { .fd = box->wake, .events = POLLIN };

    return poll(&wake, 1, milliseconds) == 1;
}

static void taking_clears_what_posts_and_wakes_made_readable(void **state)
{
    struct mail mail[2] = { { NULL, NULL } };
    struct mailbox box;

    (void)state;
    assert_int_equal(mailbox_init(&box), 0);
    for (int round = 0; round < 3; round++) {
        assert_false(is_readable(&box, 0));
        assert_null(mailbox_take(&box).first);
        mailbox_wake(&box);
        mailbox_post(&box, &mail[0]);
        mailbox_post(&box, &mail[1]);
        mailbox_wake(&box);
        assert_true(is_readable(&box, 0));
        struct mail_list taken = mailbox_take(&box);
        assert_ptr_equal(taken.first, &mail[0]);
        assert_ptr_equal(taken.last, &mail[1]);
    }
    mailbox_destroy(&box);
}

static void *post_all(void *argument)
{
    static struct mail mail[POSTERS][POSTS];
    static _Atomic unsigned posters;
    struct mail *own = mail[atomic_fetch_add(&posters, 1)];

    for (int i = 0; i < POSTS; i++) {
        mailbox_post(argument, &own[i]);
        if (i % 100 == 0)
            sched_yield();
    }
    return NULL;
}

/* Whoever only takes when the descriptor is readable gets everything, and it is not readable for good. */
static void no_post_is_missed_and_none_wakes_for_ever(void **state)
{
    pthread_t thread[POSTERS];
    struct mailbox box;
    int taken = 0;

    (void)state;
    assert_int_equal(mailbox_init(&box), 0);
    for (int i = 0; i < POSTERS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, post_all, &box), 0);
    while (taken < POSTERS * POSTS) {
        assert_true(is_readable(&box, PATIENCE));
        struct mail_list list = mailbox_take(&box);
        while (mail_pop(&list) != NULL)
            taken++;
    }
    for (int i = 0; i < POSTERS; i++)
        pthread_join(thread[i], NULL);
    assert_null(mailbox_take(&box).first);
    assert_false(is_readable(&box, 0));
    mailbox_destroy(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(taking_clears_what_posts_and_wakes_made_readable),
        cmocka_unit_test(no_post_is_missed_and_none_wakes_for_ever),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
