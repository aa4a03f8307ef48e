/* SPDX-License-Identifier: Apache-2.0 */
/* Which files and abstract sockets a sandboxed process can reach. */
#include "tests/unit/support/sandboxed_child.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

static void need_landlock(int abi)
{
    if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < abi)
        skip();
}

/* The file to be opened, and how. */
static const char *path;
static int flags;

static int open_it(void)
{
    return result_of(open(path[0] == '/' ? path : in_directory(path), flags, 0600));
}

static int remove_it(void)
{
    return result_of(unlink(in_directory(path)));
}

static int replace_the_store(void)
{
    char from[128];
    int fd = open(in_directory("store/new"), O_RDWR | O_CREAT, 0600);

    if (fd < 0)
        return -errno;
    snprintf(from, sizeof(from), "%s", in_directory("store/new"));
    return result_of(rename(from, in_directory("store/tokens.tdb")));
}

static void only_files_of_the_daemon_are_within_reach(void **state)
{
    static const struct {
        int (*attempt)(void);
        const char *path;
        int flags, result;
    } rows[] = {
        { open_it, "else/file", O_RDONLY, -EACCES },
        { open_it, "else/new", O_WRONLY | O_CREAT, -EACCES },
        { remove_it, "else/file", 0, -EACCES },
        { open_it, "else", O_RDONLY | O_DIRECTORY, -EACCES },
        { open_it, "run/admin.sock", O_RDONLY, -EACCES },
        { open_it, "/etc/jeton-sandbox-test", O_WRONLY | O_CREAT, -EACCES },
        { open_it, "/etc/passwd", O_WRONLY, -EACCES },
        { open_it, "/etc/group", O_RDONLY, DONE },
        { open_it, "/proc/1/status", O_RDONLY, -EACCES },
        { open_it, "/proc/self/mem", O_RDWR, -EACCES },
        { open_it, "/root", O_RDONLY | O_DIRECTORY, -EACCES },
        { open_it, "/var/lib/dpkg/status", O_RDONLY, -EACCES },
        { open_it, "store/tokens.tdb", O_RDWR | O_TRUNC, DONE },
        { open_it, "store/tokens.tdb.used", O_RDWR | O_CREAT, DONE },
        { open_it, "store", O_RDONLY | O_DIRECTORY, DONE },
        { replace_the_store, "store", 0, DONE },
        { remove_it, "store/tokens.tdb", 0, DONE },
        { remove_it, "run/admin.sock", 0, DONE },
    };

    (void)state;
    need_plain_build();
    need_landlock(1);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        path = rows[i].path;
        flags = rows[i].flags;
        int result = run_sandboxed(rows[i].attempt, false);
        if (result != rows[i].result)
            fail_msg("%s, %o: %d", path, (unsigned)flags, result);
    }
}

static struct sockaddr_un abstract = { .sun_family = AF_UNIX };

static int connect_to_an_abstract_socket(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    return result_of(connect(fd, (struct sockaddr *)&abstract, sizeof(abstract)));
}

static void abstract_sockets_of_others_are_out_of_reach(void **state)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)state;
    need_plain_build();
    need_landlock(6);
    snprintf(abstract.sun_path + 1, sizeof(abstract.sun_path) - 1, "jeton-sandbox-test-%d",
             (int)getpid());
    assert_int_equal(bind(fd, (struct sockaddr *)&abstract, sizeof(abstract)), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(run_sandboxed_with(connect_to_an_abstract_socket, false, true), -EPERM);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_files_of_the_daemon_are_within_reach),
        cmocka_unit_test(abstract_sockets_of_others_are_out_of_reach),
    };

    return cmocka_run_group_tests(tests, make_sandbox_directory, remove_sandbox_directory);
}
