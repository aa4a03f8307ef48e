/* SPDX-License-Identifier: Apache-2.0 */
/* Which threads lower and raise their priority: each case in a process of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "daemon/base/thread.h"
#include "daemon/sandbox/privilege.h"

enum { GIVEN = -5, NOBODY = 65534, CANNOT = 77 };

/* Prepare as at start, with a store whose directory exists. */
static bool prepare(bool becomes)
{
    static const struct config config = { .store = "/tokens.tdb" };
    const struct resolved resolved = { .becomes = becomes, .uid = NOBODY, .gid = NOBODY };
    struct problem problem;

    return privilege_prepare(&config, &resolved, &problem);
}

static int nice_now(void)
{
    errno = 0;
    int nice = getpriority(PRIO_PROCESS, 0);
    return errno == 0 ? nice : 1000;
}

static bool take(int nice)
{
    return setpriority(PRIO_PROCESS, 0, nice) == 0;
}

/* Run a case in a child, which returns 0 on success and CANNOT without the rights to try. */
static void try(int (*body)(void))
{
    int status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        log_set_level(LOG_LEVEL_ERROR);
        _exit(body());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == CANNOT)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int lowers_and_raises(void)
{
    struct thread_priority p;

    thread_priority_begin(&p);
    if (nice_now() != 0)
        return 1;
    thread_priority_raise(&p);
    if (nice_now() != GIVEN)
        return 2;
    thread_priority_lower(&p);
    return nice_now() == 0 ? 0 : 3;
}

static int given_to_root(void)
{
    return geteuid() == 0 && take(GIVEN) ? lowers_and_raises() : CANNOT;
}

static void thread_lowers_and_raises_its_priority(void **state)
{
    (void)state;
    try(given_to_root);
}

static int stays(void)
{
    struct thread_priority p;

    thread_priority_begin(&p);
    if (nice_now() != GIVEN)
        return 2;
    thread_priority_raise(&p);
    thread_priority_lower(&p);
    return nice_now() == GIVEN ? 0 : 3;
}

static int given_without_return(void)
{
    const struct rlimit none = { 0, 0 };

    if (geteuid() != 0 || !take(GIVEN) || setrlimit(RLIMIT_NICE, &none) < 0)
        return CANNOT;
    return setuid(NOBODY) == 0 ? stays() : 4;
}

static void thread_that_could_not_raise_it_again_does_not_lower_it(void **state)
{
    (void)state;
    try(given_without_return);
}

/* Without CAP_SYS_RESOURCE even root cannot raise the limit. */
static int given_before_root_is_given_up(void)
{
    struct rlimit limit;

    if (geteuid() != 0 || !take(GIVEN))
        return CANNOT;
    if (!prepare(true) || getrlimit(RLIMIT_NICE, &limit) < 0 || setuid(NOBODY) < 0)
        return 4;
    return limit.rlim_cur >= 20 - GIVEN ? lowers_and_raises() : stays();
}

static void priority_can_be_raised_after_root_is_given_up(void **state)
{
    (void)state;
    try(given_before_root_is_given_up);
}

static int limit_is_left_where_not_needed(int nice, bool becomes)
{
    struct rlimit before, after;

    if (!take(nice) || getrlimit(RLIMIT_NICE, &before) < 0)
        return CANNOT;
    if (!prepare(becomes) || getrlimit(RLIMIT_NICE, &after) < 0)
        return 1;
    return after.rlim_cur == before.rlim_cur && after.rlim_max == before.rlim_max ? 0 : 2;
}

static int root_stays_root(void)
{
    return limit_is_left_where_not_needed(GIVEN, false);
}

static int has_no_priority(void)
{
    return limit_is_left_where_not_needed(5, true);
}

static void limit_stays_where_nobody_needs_more(void **state)
{
    (void)state;
    try(root_stays_root);
    try(has_no_priority);
}

static int none_given(void)
{
    struct thread_priority p;

    if (!take(5))
        return 1;
    thread_priority_begin(&p);
    if (nice_now() != 5)
        return 2;
    thread_priority_raise(&p);
    if (nice_now() != 5)
        return 3;
    thread_priority_lower(&p);
    return nice_now() == 5 ? 0 : 4;
}

static void nothing_changes_where_no_priority_was_given(void **state)
{
    (void)state;
    try(none_given);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thread_lowers_and_raises_its_priority),
        cmocka_unit_test(priority_can_be_raised_after_root_is_given_up),
        cmocka_unit_test(thread_that_could_not_raise_it_again_does_not_lower_it),
        cmocka_unit_test(limit_stays_where_nobody_needs_more),
        cmocka_unit_test(nothing_changes_where_no_priority_was_given),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
