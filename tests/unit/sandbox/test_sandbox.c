/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the reported protections are those in force, with [daemon] sandbox on and off. */
#include "tests/unit/support/sandboxed_child.h"

#include <fcntl.h>

static int execute(void)
{
    return result_of(execl("/bin/true", "true", NULL));
}

static int open_other_file(void)
{
    return result_of(open(in_directory("else/file"), O_RDONLY));
}

static int all_is_in_force(void)
{
    struct protections p = sandbox_protections();

    return p.no_new_privs && p.seccomp && p.not_dumpable ? DONE : -EINVAL;
}

static void what_is_in_force_is_what_the_kernel_says(void **state)
{
    (void)state;
    need_plain_build();
    assert_int_equal(run_sandboxed(all_is_in_force, false), DONE);
    config.sandbox = false;
    assert_int_equal(run_sandboxed(execute, false), DONE);
    assert_int_equal(run_sandboxed(open_other_file, false), DONE);
    assert_int_equal(run_sandboxed(all_is_in_force, false), -EINVAL);
    config.sandbox = true;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_in_force_is_what_the_kernel_says),
    };

    return cmocka_run_group_tests(tests, make_sandbox_directory, remove_sandbox_directory);
}
