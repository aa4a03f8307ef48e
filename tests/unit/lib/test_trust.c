/* SPDX-License-Identifier: Apache-2.0 */
/* The library's connection: what the host does to its descriptor, and which servers it trusts. */
#include "tests/unit/support/scripted_server.h"

/* -- the host and its descriptors ------------------------------------------------------------- */

static void a_descriptor_that_the_host_closed_or_reused_is_left_alone(void **state)
{
    (void)state;
    int ends[2], fd;

    memset(&got, 0, sizeof(got));
    start_server(silence);
    fd = identity.fd;
    close(fd);
    assert_false(connection_is_open(conn));
    enqueue("ping\n", false, PATIENCE);
    assert_int_equal(connection_step(conn), -EBADF);
    assert_false(got.received[0]);
    stop_server();

    memset(&got, 0, sizeof(got));
    start_server(silence);
    fd = identity.fd;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_int_equal(dup2(ends[0], fd), fd);
    enqueue("ping\n", false, PATIENCE);
    assert_int_equal(connection_step(conn), -EBADF);
    stop_server();
    assert_int_equal(recv(ends[1], ends, 1, MSG_DONTWAIT), -1);
    assert_true(fcntl(fd, F_GETFD) >= 0);
    close(fd), close(ends[0]), close(ends[1]);
}

static void a_connection_is_never_a_standard_descriptor(void **state)
{
    (void)state;
    int saved = dup(STDIN_FILENO);

    close(STDIN_FILENO);
    start_server(silence);
    assert_true(identity.fd > STDERR_FILENO);
    stop_server();
    dup2(saved, STDIN_FILENO);
    close(saved);
}

static void what_was_sent_is_wiped(void **state)
{
    (void)state;
    memset(&got, 0, sizeof(got));
    start_server(hang_up);
    enqueue("verify token=secret-secret-secret\n", false, PATIENCE);
    assert_non_null(memmem(conn, sizeof(*conn), "secret", 6));
    wait_for_replies(PATIENCE);
    assert_null(memmem(conn, sizeof(*conn), "secret", 6));
    stop_server();
    start_server(silence); /* what was not sent is wiped, too */
    enqueue("verify token=secret-secret-secret\n", false, PATIENCE);
    stop_server();
    assert_false(connection_enqueue(conn, slice_of("verify token=secret\n"), false, record_reply,
                                    &got, 0));
    assert_null(memmem(conn, sizeof(*conn), "secret", 6));
}

static void nothing(int signal)
{
    (void)signal;
}

static void slow(int fd)
{
    wait_for_line(fd);
    usleep(100000);
    send_text(fd, "OK n=1\n");
    wait_for_line(fd);
}

static void signals_do_not_disturb_waiting(void **state)
{
    (void)state;
    struct sigaction act = { .sa_handler = nothing }, old;
    struct itimerval every = { { 0, 500 }, { 0, 500 } }, never = { { 0, 0 }, { 0, 0 } };

    sigaction(SIGALRM, &act, &old);
    setitimer(ITIMER_REAL, &every, NULL);
    assert_true(answered(slow, false));
    setitimer(ITIMER_REAL, &never, NULL);
    sigaction(SIGALRM, &old, NULL);
}

/* -- trust ------------------------------------------------------------------------------------ */

static int try(const char *path)
{
    int error = connection_open(conn, &identity, path, deadline_now() + 200);

    connection_close(conn);
    return error;
}

static void connecting_to_nobody_fails_in_time(void **state)
{
    (void)state;
    char path[108];
    int64_t started = deadline_now();
    int filler[64], count = 0, error = 0;

    assert_int_equal(try("/nonexistent/s"), -ENOENT);
    snprintf(path, sizeof(path), "%s/t", server.directory);
    close(listen_at(path));
    assert_int_equal(try(path), -ECONNREFUSED);
    int listener = listen_at(path);
    listen(listener, 0);
    while (error == 0) { /* nobody accepts: the queue fills up */
        struct fd_identity m = { .held = false };
        static struct connection other;
        other = (struct connection){ .identity = NULL };
        error = connection_open(&other, &m, path, 0);
        filler[count++] = m.fd;
    }
    assert_int_equal(error, -EAGAIN);
    started = deadline_now();
    assert_int_equal(try(path), -EAGAIN);
    assert_in_range(deadline_now() - started, 150, PATIENCE);
    while (--count > 0)
        close(filler[count - 1]);
    close(listener);
    unlink(path);
}

static void a_path_that_others_may_change_is_not_trusted(void **state)
{
    (void)state;
    char path[108], other[80];

    assert_int_equal(try(server.path), 0);
    snprintf(other, sizeof(other), "%s/link", server.directory);
    assert_int_equal(symlink(server.path, other), 0);
    assert_int_equal(try(other), -ELOOP);
    unlink(other);
    assert_int_equal(symlink(server.directory, other), 0);
    snprintf(path, sizeof(path), "%s/s", other);
    assert_int_equal(try(path), -ELOOP);
    unlink(other);
    static const struct {
        mode_t mode;
        int error;
    } modes[] = {
        { 0755, 0 },      { 0775, -EPERM }, { 0757, -EPERM },
        { 0720, -EPERM }, { 01777, 0 },     { 0700, 0 },
    };
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        chmod(server.directory, modes[i].mode);
        assert_int_equal(try(server.path), modes[i].error);
    }
    chmod(server.path, 0666);
    assert_int_equal(try(server.path), 0);
    if (geteuid() != 0)
        return; /* the rest needs other users */
    assert_int_equal(chown(server.path, 4711, 0), 0);
    assert_int_equal(try(server.path), -EPERM); /* neither ours nor the server's */
    assert_int_equal(chown(server.path, 0, 0), 0);
    assert_int_equal(chown(server.directory, 4711, 0), 0);
    assert_int_equal(try(server.path), -EPERM);
    assert_int_equal(chown(server.directory, 0, 0), 0);
    assert_int_equal(try(server.path), 0);
}

/* Try a server that runs as somebody else, in a directory and with a socket of these owners. */
static int try_server(uid_t serving, uid_t directory, uid_t file, mode_t mode)
{
    char path[108];
    int ready[2];

    snprintf(path, sizeof(path), "%s/t", server.directory);
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        unlink(path);
        bool ok = bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
                  chown(path, file, 0) == 0 && chmod(path, 0666) == 0 &&
                  chown(server.directory, directory, 0) == 0 &&
                  chmod(server.directory, mode) == 0 && setuid(serving) == 0 && listen(fd, 8) == 0;
        (void)!write(ready[1], ok ? "y" : "n", 1);
        pause();
        _exit(0);
    }
    char byte = 'n';
    assert_true(read(ready[0], &byte, 1) == 1 && byte == 'y');
    int error = try(path);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    close(ready[0]), close(ready[1]);
    assert_int_equal(chown(server.directory, 0, 0), 0);
    chmod(server.directory, 0700);
    unlink(path);
    return error;
}

static void a_server_is_trusted_for_its_user_and_its_path(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(try_server(0, 0, 0, 0755), 0);
    assert_int_equal(try_server(4711, 0, 4711, 0755), 0);   /* the daemon's own user */
    assert_int_equal(try_server(4711, 0, 0, 0755), -EPERM); /* somebody took root's socket */
    assert_int_equal(try_server(4711, 4711, 0, 0755), -EPERM);
    assert_int_equal(try_server(4711, 0, 4712, 0755), -EPERM);
    assert_int_equal(try_server(4711, 4712, 4711, 0755), -EPERM);
    assert_int_equal(try_server(4711, 0, 4711, 01777), -EPERM); /* anybody could have made it */
    assert_int_equal(try_server(0, 0, 4711, 01777), -EPERM);
    /* The directory of this one lies in /tmp, where the server could have made it himself. */
    assert_int_equal(try_server(4711, 4711, 4711, 0755), -EPERM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SERVER(a_descriptor_that_the_host_closed_or_reused_is_left_alone),
        WITH_SERVER(a_connection_is_never_a_standard_descriptor),
        WITH_SERVER(what_was_sent_is_wiped),
        WITH_SERVER(signals_do_not_disturb_waiting),
        WITH_SERVER(connecting_to_nobody_fails_in_time),
        WITH_SERVER(a_path_that_others_may_change_is_not_trusted),
        WITH_SERVER(a_server_is_trusted_for_its_user_and_its_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
