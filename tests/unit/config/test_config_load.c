/* SPDX-License-Identifier: Apache-2.0 */
/* Which source wins, and that a reload begins anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/config/config_load.h"

static struct config config;
static struct config_faults faults;
static char file[] = "/tmp/jeton-config-XXXXXX";

static int write_file(void **state)
{
    static const char text[] = "[daemon]\nworkers=3\nretention=12h\n[observe]\npath=/o.sock\n";
    int fd = mkstemp(file);

    (void)state;
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        return -1;
    return close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(file);
}

static void assignments_win_over_the_file_and_the_file_over_defaults(void **state)
{
    const struct config_source source = {
        .file = file,
        .file_required = true,
        .assignments = 2,
        .assignment = { "daemon.workers=1", "daemon.workers=2" },
    };

    (void)state;
    assert_true(config_load(&source, &config, &faults));
    assert_int_equal(config.workers, 2);
    assert_int_equal(config.retention, 12 * 3600);
    assert_int_equal(config.journal_entries, 100000);
    assert_string_equal(config.file, file);
}

static void only_a_required_file_must_exist(void **state)
{
    struct config_source source = { .file = "/nonexistent/jetond.conf" };

    (void)state;
    assert_true(config_load(&source, &config, &faults));
    assert_string_equal(config.store, "/var/lib/jeton/tokens.tdb");
    source.file_required = true;
    assert_false(config_load(&source, &config, &faults));
    assert_non_null(strstr(faults.fault[0].message, source.file));
}

static void roles_with_inherited_sockets_create_none(void **state)
{
    const struct config_source source = {
        .file = file,
        .assignments = 1,
        .assignment = { "admin.path=/a.sock" },
        .inherited_roles = 1u << ROLE_ADMIN | 1u << ROLE_OBSERVE,
    };

    (void)state;
    assert_true(config_load(&source, &config, &faults));
    assert_int_equal(config.role[ROLE_ADMIN].paths, 0);
    assert_int_equal(config.role[ROLE_OBSERVE].paths, 0);
    assert_int_equal(config.role[ROLE_VERIFY].paths, 1);
}

/* Compare byte by byte, too: the daemon compares roles so, to see whether sockets have changed. */
static void loading_again_gives_the_same(void **state)
{
    const struct config_source source = { .file = file, .file_required = true };
    struct config_role first[ROLES];

    (void)state;
    assert_true(config_load(&source, &config, &faults));
    memcpy(first, config.role, sizeof(first));
    memset(&config, 0xa5, sizeof(config));
    assert_true(config_load(&source, &config, &faults));
    assert_memory_equal(first, config.role, sizeof(first));
    assert_int_equal(config.services.count, 0);
    assert_int_equal(config.workers, 3);
}

static void a_bad_assignment_is_named(void **state)
{
    const struct config_source source = {
        .file = file,
        .assignments = 2,
        .assignment = { "daemon.workers=1", "daemon.wokers=2" },
    };

    (void)state;
    assert_false(config_load(&source, &config, &faults));
    assert_non_null(strstr(faults.fault[0].message, "--set daemon.wokers=2: "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(assignments_win_over_the_file_and_the_file_over_defaults),
        cmocka_unit_test(only_a_required_file_must_exist),
        cmocka_unit_test(roles_with_inherited_sockets_create_none),
        cmocka_unit_test(loading_again_gives_the_same),
        cmocka_unit_test(a_bad_assignment_is_named),
    };

    return cmocka_run_group_tests(tests, write_file, remove_file);
}
