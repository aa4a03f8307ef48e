/* SPDX-License-Identifier: Apache-2.0 */
/* A store on a file system that cannot lock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <sodium.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/store/store.h"
#include "tests/unit/support/directory.h"

static int lock_error; /* 0: locking works */

/* Replace flock() with one that fails as on a file system without locks, or when those run out. */
int flock(int fd, int operation)
{
    if (lock_error != 0) {
        errno = lock_error;
        return -1;
    }
    return (int)syscall(SYS_flock, fd, operation);
}

static void an_error_of_locking_is_not_taken_for_another_daemon(void **state)
{
    (void)state;
    static const int errors[] = { ENOLCK, EINTR, EOPNOTSUPP };
    struct problem problem;

    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        lock_error = errors[i];
        assert_null(store_open(path, STORE_WRITE, &problem));
        assert_int_equal(problem.status, STATUS_STORE);
        assert_non_null(strstr(problem.message, strerror(errors[i])));
        assert_null(strstr(problem.message, "in use"));
    }
    lock_error = 0;
    struct store *s = store_open(path, STORE_WRITE, &problem);
    assert_non_null(s);
    lock_error = ENOLCK;
    assert_false(store_reopen(s, &problem));
    assert_non_null(strstr(problem.message, strerror(ENOLCK)));
    lock_error = 0;
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_error_of_locking_is_not_taken_for_another_daemon,
                                        make_directory, remove_directory),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
