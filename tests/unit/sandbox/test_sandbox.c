/* SPDX-License-Identifier: Apache-2.0 */
/* What a sandboxed process can do and what it cannot: each attempt in a process of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/sandbox/sandbox.h"
#include "daemon/base/sanitized.h"

enum { KILLED = -1000, DONE = 0 };

static char directory[] = "/tmp/jeton-sandbox-XXXXXX";
static struct config config;

static int set_up(void **state)
{
    (void)state;
    if (mkdtemp(directory) == NULL)
        return -1;
    config_defaults(&config);
    snprintf(config.store, sizeof(config.store), "%s/store/tokens.tdb", directory);
    snprintf(config.role[ROLE_ADMIN].path[0], CONFIG_SOCKET_PATH_MAX, "%s/run/admin.sock",
             directory);
    config.role[ROLE_VERIFY].paths = 0;
    char command[256];
    snprintf(command, sizeof(command),
             "cd %s && mkdir store run else && echo x >else/file && "
             "echo x >store/tokens.tdb && echo x >run/admin.sock",
             directory);
    return system(command);
}

static int tear_down(void **state)
{
    char command[64];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", directory);
    return system(command);
}

static void need_plain_build(void)
{
    if (JETON_SANITIZED)
        skip();
}

static void need_landlock(int abi)
{
    if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < abi)
        skip();
}

static const char *in_directory(const char *name)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    return path;
}

static int result_of(long returned)
{
    return returned < 0 ? -errno : DONE;
}

/* What an attempt comes to inside: DONE, -errno, or KILLED. */
static int inside(int (*attempt)(void), bool network)
{
    int status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        config.network = network;
        sandbox_secrets();
        sandbox_files(&config);
        sandbox_calls(&config);
        _exit(-attempt());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status)) {
        assert_int_equal(WTERMSIG(status), SIGSYS);
        return KILLED;
    }
    return -WEXITSTATUS(status);
}

/* -- system calls ---------------------------------------------------------------------------- */

static int execute(void)
{
    return result_of(execl("/bin/true", "true", NULL));
}

static int trace(void)
{
    return result_of(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
}

static int start_a_process(void)
{
    return result_of(syscall(SYS_fork));
}

static int signal_the_parent(void)
{
    return result_of(kill(getppid(), 0));
}

static int open_an_internet_socket(void)
{
    return result_of(socket(AF_INET, SOCK_STREAM, 0));
}

static int open_a_unix_socket(void)
{
    return result_of(socket(AF_UNIX, SOCK_STREAM, 0));
}

static int open_a_packet_socket(void)
{
    return result_of(socket(AF_PACKET, SOCK_RAW, 0));
}

/* Names of hosts, and a connection: to nobody here, which is found out only if one may try. */
static int ask_another_host(void)
{
    const struct sockaddr_in nobody = {
        .sin_family = AF_INET,
        .sin_port = htons(1),
        .sin_addr = { htonl(INADDR_LOOPBACK) },
    };
    struct addrinfo *found;

    if (getaddrinfo("localhost", "1", NULL, &found) != 0)
        return -EAFNOSUPPORT;
    freeaddrinfo(found);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    return fd < 0 ? -errno :
                    result_of(connect(fd, (const struct sockaddr *)&nobody, sizeof(nobody)));
}

static int become_root(void)
{
    return result_of(setuid(0));
}

static int mount_something(void)
{
    return result_of(syscall(SYS_mount, "none", "/mnt", "tmpfs", 0, NULL));
}

static int load_bpf(void)
{
    return result_of(syscall(SYS_bpf, 0, NULL, 0));
}

static int set_up_io_uring(void)
{
    return result_of(syscall(SYS_io_uring_setup, 1, NULL));
}

static int map(int protection)
{
    void *at = mmap(NULL, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return at == MAP_FAILED ? -errno : DONE;
}

static int map_writable_code(void)
{
    return map(PROT_READ | PROT_WRITE | PROT_EXEC);
}

static int map_new_code(void)
{
    return map(PROT_READ | PROT_EXEC);
}

static int turn_data_into_code(void)
{
    void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return at == MAP_FAILED ? -errno : result_of(mprotect(at, 4096, PROT_READ | PROT_EXEC));
}

static int type_into_a_terminal(void)
{
    return result_of(ioctl(0, TIOCSTI, "x"));
}

static int ask_for_a_newer_call(void)
{
    return result_of(syscall(510));
}

static void *nothing(void *argument)
{
    return argument;
}

static int start_a_thread(void)
{
    pthread_t thread;
    int error = pthread_create(&thread, NULL, nothing, NULL);

    return error != 0 ? -error : -pthread_join(thread, NULL);
}

static int look_up_a_group(void)
{
    return getgrnam("root") != NULL ? DONE : -ENOENT;
}

static int change_its_own_priority(void)
{
    return result_of(setpriority(PRIO_PROCESS, 0, 19));
}

static int change_the_priority_of_another(void)
{
    return result_of(setpriority(PRIO_PROCESS, (id_t)getppid(), 19));
}

static int change_the_priority_of_a_user(void)
{
    return result_of(setpriority(PRIO_USER, 0, 19));
}

static void only_what_a_running_daemon_does_is_possible(void **state)
{
    static const struct {
        const char *name;
        int (*attempt)(void);
        int local, network;
    } rows[] = {
        { "execve", execute, KILLED, KILLED },
        { "ptrace", trace, KILLED, KILLED },
        { "setuid", become_root, KILLED, KILLED },
        { "mount", mount_something, KILLED, KILLED },
        { "bpf", load_bpf, KILLED, KILLED },
        { "io_uring", set_up_io_uring, KILLED, KILLED },
        { "TIOCSTI", type_into_a_terminal, KILLED, KILLED },
        { "nice of another", change_the_priority_of_another, KILLED, KILLED },
        { "nice of a user", change_the_priority_of_a_user, KILLED, KILLED },
        { "nice of its own", change_its_own_priority, DONE, DONE },
        { "fork", start_a_process, -EPERM, -EPERM },
        { "kill", signal_the_parent, -EPERM, -EPERM },
        { "W+X", map_writable_code, -EPERM, -EPERM },
        { "X of nothing", map_new_code, -EPERM, -EPERM },
        { "mprotect X", turn_data_into_code, -EPERM, -EPERM },
        { "a newer call", ask_for_a_newer_call, -ENOSYS, -ENOSYS },
        { "AF_INET", open_an_internet_socket, -EAFNOSUPPORT, DONE },
        { "another host", ask_another_host, -EAFNOSUPPORT, -ECONNREFUSED },
        { "AF_PACKET", open_a_packet_socket, -EAFNOSUPPORT, -EAFNOSUPPORT },
        { "AF_UNIX", open_a_unix_socket, DONE, DONE },
        { "a thread", start_a_thread, DONE, DONE },
        { "a group", look_up_a_group, DONE, DONE },
    };

    (void)state;
    need_plain_build();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int local = inside(rows[i].attempt, false), network = inside(rows[i].attempt, true);
        if (local != rows[i].local || network != rows[i].network)
            fail_msg("%s: %d, with a network %d", rows[i].name, local, network);
    }
}

/* -- files ----------------------------------------------------------------------------------- */

/* What is to be opened, and how. */
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
        int result = inside(rows[i].attempt, false);
        if (result != rows[i].result)
            fail_msg("%s, %o: %d", path, (unsigned)flags, result);
    }
}

static int connect_to_an_abstract_socket(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "\0jeton-sandbox-test" };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    return result_of(connect(fd, (struct sockaddr *)&address, sizeof(address)));
}

static void abstract_sockets_of_others_are_out_of_reach(void **state)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "\0jeton-sandbox-test" };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)state;
    need_plain_build();
    need_landlock(6);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(inside(connect_to_an_abstract_socket, false), -EPERM);
    close(fd);
}

/* -- what is said of it ---------------------------------------------------------------------- */

static int all_is_in_force(void)
{
    struct protections p = sandbox_protections();

    return p.no_new_privs && p.seccomp && p.not_dumpable ? DONE : -EINVAL;
}

static void what_is_in_force_is_what_the_kernel_says(void **state)
{
    (void)state;
    need_plain_build();
    assert_int_equal(inside(all_is_in_force, false), DONE);
    config.sandbox = false;
    assert_int_equal(inside(execute, false), DONE);
    path = "else/file";
    assert_int_equal(inside(open_it, false), DONE);
    assert_int_equal(inside(all_is_in_force, false), -EINVAL);
    config.sandbox = true;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_a_running_daemon_does_is_possible),
        cmocka_unit_test(only_files_of_the_daemon_are_within_reach),
        cmocka_unit_test(abstract_sockets_of_others_are_out_of_reach),
        cmocka_unit_test(what_is_in_force_is_what_the_kernel_says),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
