/* SPDX-License-Identifier: Apache-2.0 */
/* Which system calls a sandboxed process can make. */
#include "tests/unit/support/sandboxed_child.h"

#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "daemon/sandbox/name_service.h"

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

/* Resolve a name, then connect to a port where nobody listens: ECONNREFUSED shows a try. */
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
        int local = run_sandboxed(rows[i].attempt, false),
            network = run_sandboxed(rows[i].attempt, true);
        if (local != rows[i].local || network != rows[i].network)
            fail_msg("%s: %d, with a network %d", rows[i].name, local, network);
    }
}

/* -- connections ----------------------------------------------------------------------------- */

static struct sockaddr_un listening = { .sun_family = AF_UNIX };

static int connect_to_a_unix_socket(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    return result_of(connect(fd, (const struct sockaddr *)&listening, sizeof(listening)));
}

/* As the journal's and the service manager's sockets are used, which were opened before. */
static int send_to_a_unix_socket(void)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    long sent = sendto(fd, "x", 1, 0, (const struct sockaddr *)&listening, sizeof(listening));

    return sent < 0 && errno == EPROTOTYPE ? DONE : result_of(sent); /* it is of another type */
}

static void without_a_verifier_that_connects_nothing_can(void **state)
{
    int server = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)state;
    need_plain_build();
    snprintf(listening.sun_path, sizeof(listening.sun_path), "%.100s", in_directory("server.sock"));
    assert_int_equal(bind(server, (const struct sockaddr *)&listening, sizeof(listening)), 0);
    assert_int_equal(listen(server, 8), 0);
    int denied = name_service_connects() ? DONE : -EACCES;
    assert_int_equal(run_sandboxed_with(connect_to_a_unix_socket, false, false), denied);
    assert_int_equal(run_sandboxed_with(connect_to_a_unix_socket, false, true), DONE);
    assert_int_equal(run_sandboxed_with(connect_to_a_unix_socket, true, false), DONE);
    assert_int_equal(run_sandboxed_with(send_to_a_unix_socket, false, false), DONE);
    assert_int_equal(run_sandboxed_with(look_up_a_group, false, false), DONE);
    close(server);
    unlink(listening.sun_path);
}

static void sources_of_users_that_are_asked_by_connection_are_known(void **state)
{
    (void)state;
    static const char *const local[] = {
        "passwd: files\n",
        "passwd:\t\tfiles systemd",
        "group : files [NOTFOUND=return] db",
        "  passwd: files[SUCCESS=return]systemd # sss",
        "passwd:",
        "# passwd: sss",
        "hosts: files dns",
        "shadow: sss",
        "groupwise: sss",
        "",
    };
    static const char *const connecting[] = {
        "passwd: files sss\n", "group: sss files", "passwd: files [!UNAVAIL=return] ldap",
        "initgroups: winbind", "passwd: compat",   "group:files\tnis",
        "passwd: filesx",
    };

    for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++)
        assert_false(name_service_line_connects(local[i]));
    for (size_t i = 0; i < sizeof(connecting) / sizeof(connecting[0]); i++)
        assert_true(name_service_line_connects(connecting[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_verifier_that_connects_nothing_can),
        cmocka_unit_test(sources_of_users_that_are_asked_by_connection_are_known),
        cmocka_unit_test(only_what_a_running_daemon_does_is_possible),
    };

    return cmocka_run_group_tests(tests, make_sandbox_directory, remove_sandbox_directory);
}
