/* SPDX-License-Identifier: Apache-2.0 */
/* Denials while there is no memory for a larger table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <errno.h>
#include <sodium.h>
#include <sys/mman.h>

#include "tests/unit/support/writer_fixture.h"

static bool no_memfd;

/* Replace the function with one that fails as without memory. */
int memfd_create(const char *name, unsigned flags)
{
    static int (*real)(const char *, unsigned);

    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "memfd_create");
    errno = ENOMEM;
    return no_memfd ? -1 : real(name, flags);
}

static enum status ask_ban(uint64_t number)
{
    post_change(ban_of(number));
    return work_and_answer();
}

/* It needs no place there, but its record is not saved without one. */
static void a_ban_of_a_token_is_in_force_though_the_table_cannot_grow(void **state)
{
    (void)state;
    start();
    token_table_keep_bans(writer.token_table, true);
    for (uint64_t i = 1; token_table_can_add(writer.token_table, 1, 0); i++)
        assert_int_equal(ask(&change_create, i), STATUS_OK);
    no_memfd = true;
    assert_int_equal(ask_ban(1), STATUS_STORE);
    assert_non_null(strstr(problem.message, "in force now, but not saved"));
    assert_int_equal(flags_of(1), SLOT_PRESENT | SLOT_REVOKED);
    assert_int_equal(ask_ban(1000000), STATUS_STORE);
    assert_non_null(strstr(problem.message, "not done"));
    no_memfd = false;
    commit_retry(&writer);
    while (commit_batch(&writer, NOW))
        continue;
    stop();
    start();
    assert_int_equal(flags_of(1), SLOT_PRESENT | SLOT_REVOKED);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIRECTORY(a_ban_of_a_token_is_in_force_though_the_table_cannot_grow),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
