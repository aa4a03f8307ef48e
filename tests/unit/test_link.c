/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plugin/link.h"

/* -- a server that does as it is told ---------------------------------------------------------- */

typedef void script(int fd);

static struct {
    char directory[64];
    char path[108];
    int listener;
    pthread_t thread;
    script *script;
} server;

static struct link link_of_test;
static struct link *const l = &link_of_test;
static struct link_mark mark;

static void wait_for_line(int fd)
{
    char byte = '\0';

    while (byte != '\n' && read(fd, &byte, 1) == 1)
        ;
}

static void say(int fd, const char *text)
{
    (void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
}

static void say_with(int fd, const char *text, size_t len, const int *descriptors, size_t count)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(16 * sizeof(int))];
    } control = { .bytes = { 0 } };
    struct iovec out = { (void *)(uintptr_t)text, len };
    struct msghdr message = { .msg_iov = &out, .msg_iovlen = 1, .msg_control = control.bytes,
                              .msg_controllen = CMSG_SPACE(count * sizeof(int)) };
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);

    *c = (struct cmsghdr){ .cmsg_len = CMSG_LEN(count * sizeof(int)), .cmsg_level = SOL_SOCKET,
                           .cmsg_type = SCM_RIGHTS };
    memcpy(CMSG_DATA(c), descriptors, count * sizeof(int));
    sendmsg(fd, &message, MSG_NOSIGNAL);
}

static void *serve(void *unused)
{
    (void)unused;
    int fd = accept(server.listener, NULL, NULL);

    if (fd >= 0) {
        server.script(fd);
        close(fd);
    }
    return NULL;
}

static int listen_at(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    unlink(path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 128), 0);
    return fd;
}

/* Signals are for the thread that tests. */
static void begin(script *does)
{
    sigset_t all, before;

    server.script = does;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    assert_int_equal(pthread_create(&server.thread, NULL, serve, NULL), 0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    assert_int_equal(link_open(l, &mark, server.path, link_now() + 5000), 0);
}

static void finish(void)
{
    link_drop(l);
    pthread_join(server.thread, NULL);
}

static int prepare(void **state)
{
    (void)state;
    snprintf(server.directory, sizeof(server.directory), "/tmp/jeton-link-XXXXXX");
    assert_non_null(mkdtemp(server.directory));
    snprintf(server.path, sizeof(server.path), "%s/s", server.directory);
    server.listener = listen_at(server.path);
    return 0;
}

static int tidy(void **state)
{
    (void)state;
    close(server.listener);
    unlink(server.path);
    return rmdir(server.directory);
}

/* -- asking ------------------------------------------------------------------------------------ */

static struct {
    unsigned count;
    bool received[300];
    enum status status[300];
    char first[300][64];        /* the value of n=, if any */
    int fd;
    bool keep;
} got;

static void note(void *context, struct reply *reply)
{
    unsigned i = got.count++;
    struct slice n = line_get(&reply->line, "n");

    assert_ptr_equal(context, &got);
    got.received[i] = reply->received;
    got.status[i] = reply->status;
    snprintf(got.first[i], sizeof(got.first[i]), "%.*s", (int)n.len, n.at != NULL ? n.at : "");
    if (reply->fd >= 0 && got.keep) {
        got.fd = reply->fd;
        reply->fd = -1;
    }
}

static void put(const char *request, bool descriptor, int64_t wait)
{
    assert_true(link_ask(l, slice_of(request), descriptor, note, &got, link_now() + wait));
}

static void settle(int64_t wait)
{
    int64_t deadline = link_now() + wait;

    while (l->count > 0 && link_step(l) == 0 && l->count > 0)
        if (!link_wait(l, deadline))
            link_drop(l);
}

/* One question to a server that follows the script; true: it was answered. */
static bool answered(script *does, bool descriptor)
{
    memset(&got, 0, sizeof(got));
    got.fd = -1;
    begin(does);
    put("ping\n", descriptor, 3000);
    settle(3000);
    finish();
    assert_int_equal(got.count, 1);
    return got.received[0];
}

static unsigned descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    unsigned count = 0;

    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}

/* -- replies ----------------------------------------------------------------------------------- */

static void three_in_pieces(int fd)
{
    static const char replies[] = "OK n=1\n* data=1\n* data=2\nNO revoked n=2\nERR busy n=\"3\"\n";

    for (int i = 0; i < 3; i++)
        wait_for_line(fd);
    for (size_t i = 0; i + 1 < sizeof(replies); i++) {
        (void)!send(fd, replies + i, 1, MSG_NOSIGNAL);
        sched_yield();
    }
    wait_for_line(fd);
}

static void replies_come_in_the_order_of_the_questions(void **state)
{
    (void)state;
    memset(&got, 0, sizeof(got));
    begin(three_in_pieces);
    for (int i = 0; i < 3; i++)
        put("ping\n", false, 3000);
    settle(3000);
    assert_int_equal(got.count, 3);
    assert_int_equal(got.status[0], STATUS_OK);
    assert_int_equal(got.status[1], STATUS_REVOKED);
    assert_int_equal(got.status[2], STATUS_BUSY);
    for (int i = 0; i < 3; i++)
        assert_int_equal(got.first[i][0], '1' + i);
    assert_true(link_connected(l));
    finish();
}

static const char *words;

static void say_words(int fd)
{
    wait_for_line(fd);
    say(fd, words);
    wait_for_line(fd);
}

static void a_word_of_a_later_version_is_a_refusal_or_no_answer(void **state)
{
    (void)state;
    words = "NO full-moon n=1\n";
    assert_true(answered(say_words, false));
    assert_int_equal(got.status[0], STATUS_DENIED);
    words = "ERR full-moon\n";
    assert_true(answered(say_words, false));
    assert_int_equal(got.status[0], STATUS_UNAVAILABLE);
}

static void malformed_replies_are_no_answer(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\n", " \n", "ok\n", "Ok n=1\n", "YES\n", "OK n=\"1\n", "OK n=\"\\q\"\n", "OK \xff\n",
        "OK\tn=1\n", "OK \x01\n", "NO\n", "ERR\n", "NO reason=revoked\n", "ERR n=1\n", "n=1 OK\n",
        "OKAY\n", "status=OK\n", "\"OK \" n=1\n",
        "OK 1 2 3 4 5 6 7 8 9 10 1 2 3 4 5 6 7 8 9 20 1 2 3 4 5 6 7 8 9 30 1 2\n",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        words = bad[i];
        assert_false(answered(say_words, false));
        assert_int_equal(got.status[0], STATUS_UNAVAILABLE);
    }
}

static void endless(int fd)
{
    static char line[LINE_MAX_BYTES + 1];

    memset(line, 'x', LINE_MAX_BYTES);
    wait_for_line(fd);
    say(fd, line);
    wait_for_line(fd);
}

static void half(int fd)
{
    wait_for_line(fd);
    say(fd, "OK n=1");
}

static void hang_up(int fd)
{
    wait_for_line(fd);
}

static void two_replies(int fd)
{
    wait_for_line(fd);
    say(fd, "OK n=1\nOK n=2\n");
    wait_for_line(fd);
}

static void broken_conversations_are_no_answer(void **state)
{
    (void)state;
    assert_false(answered(endless, false));
    assert_false(answered(half, false));
    assert_false(answered(hang_up, false));
    memset(&got, 0, sizeof(got));
    begin(two_replies);
    put("ping\n", false, 3000);
    while (link_step(l) == 0)
        link_wait(l, link_now() + 3000);
    assert_int_equal(got.count, 1);
    assert_true(got.received[0]);
    assert_false(link_connected(l));
    finish();
}

static void flood(int fd)
{
    wait_for_line(fd);
    while (send(fd, "* a=1\n* b=2\n", 12, MSG_NOSIGNAL) > 0)
        ;
}

static void silence(int fd)
{
    wait_for_line(fd);
    wait_for_line(fd);
}

static void a_deadline_ends_silence_and_floods_alike(void **state)
{
    (void)state;
    static script *const scripts[] = { silence, flood };

    for (int i = 0; i < 2; i++) {
        int64_t begun = link_now();
        memset(&got, 0, sizeof(got));
        begin(scripts[i]);
        put("ping\n", false, 150);
        assert_true(link_deadline(l) <= begun + 200);
        settle(150);
        assert_in_range(link_now() - begun, 140, 3000);
        assert_int_equal(got.count, 1);
        assert_false(got.received[0]);
        finish();
    }
}

/* -- descriptors ------------------------------------------------------------------------------- */

static void pass_one(int fd)
{
    wait_for_line(fd);
    say_with(fd, "OK n=1\n", 7, (int[]){ STDIN_FILENO }, 1);
    wait_for_line(fd);
}

static void pass_two(int fd)
{
    wait_for_line(fd);
    say_with(fd, "OK n=1\n", 7, (int[]){ STDIN_FILENO, STDIN_FILENO }, 2);
    wait_for_line(fd);
}

static void pass_many(int fd)
{
    int many[16] = { 0 };

    wait_for_line(fd);
    say_with(fd, "OK n=1\n", 7, many, 16);
    wait_for_line(fd);
}

static void pass_twice(int fd)
{
    wait_for_line(fd);
    say_with(fd, "OK ", 3, (int[]){ STDIN_FILENO }, 1);
    say_with(fd, "n=1\n", 4, (int[]){ STDIN_FILENO }, 1);
    wait_for_line(fd);
}

static void the_descriptor_of_a_reply_is_closed_unless_kept(void **state)
{
    (void)state;
    unsigned before = descriptors();

    assert_true(answered(pass_one, true));
    assert_int_equal(descriptors(), before);
    memset(&got, 0, sizeof(got));
    got.keep = true;
    begin(pass_one);
    put("table\n", true, 3000);
    settle(3000);
    assert_true(got.fd > STDERR_FILENO);
    assert_int_equal(fcntl(got.fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(fcntl(mark.fd, F_GETFD), FD_CLOEXEC);
    close(got.fd);
    finish();
    assert_int_equal(descriptors(), before);
}

static void descriptors_that_nobody_asked_for_are_closed_and_end_the_link(void **state)
{
    (void)state;
    static script *const scripts[] = { pass_two, pass_many, pass_twice };
    unsigned before = descriptors();

    for (size_t i = 0; i < 3; i++) {
        assert_false(answered(scripts[i], true));
        assert_int_equal(descriptors(), before);
    }
    memset(&got, 0, sizeof(got));
    begin(pass_one);
    put("ping\n", false, 3000);
    while (link_step(l) == 0)
        link_wait(l, link_now() + 3000);
    finish();
    assert_int_equal(descriptors(), before);
}

static void pass_late(int fd)
{
    wait_for_line(fd);
    wait_for_line(fd);
    say(fd, "OK n=1\n");
    say_with(fd, "OK n=2\n", 7, (int[]){ STDIN_FILENO }, 1);
    wait_for_line(fd);
}

static void a_descriptor_belongs_to_the_reply_it_came_with(void **state)
{
    (void)state;
    memset(&got, 0, sizeof(got));
    got.keep = true;
    got.fd = -1;
    begin(pass_late);
    put("ping\n", false, 3000);
    put("table\n", true, 3000);
    usleep(50000);              /* both replies are there: one recvmsg() may bring them together */
    settle(3000);
    assert_int_equal(got.count, 2);
    assert_true(got.fd >= 0);
    close(got.fd);
    finish();
}

static void without_room_for_the_descriptor_the_reply_still_counts(void **state)
{
    (void)state;
    struct rlimit old, low;

    memset(&got, 0, sizeof(got));
    got.fd = -1;
    got.keep = true;
    begin(pass_one);
    put("table\n", true, 3000);
    assert_int_equal(link_send(l), 0);
    usleep(50000);
    getrlimit(RLIMIT_NOFILE, &old);
    low = (struct rlimit){ 3, old.rlim_max };
    setrlimit(RLIMIT_NOFILE, &low);
    settle(3000);
    setrlimit(RLIMIT_NOFILE, &old);
    assert_int_equal(got.count, 1);
    assert_true(got.received[0]);
    assert_int_equal(got.fd, -1);
    assert_true(link_connected(l));
    finish();
}

/* -- the host and its descriptors -------------------------------------------------------------- */

static void a_descriptor_that_the_host_closed_or_reused_is_left_alone(void **state)
{
    (void)state;
    int ends[2], fd;

    memset(&got, 0, sizeof(got));
    begin(silence);
    fd = mark.fd;
    close(fd);
    assert_false(link_connected(l));
    put("ping\n", false, 3000);
    assert_int_equal(link_step(l), -EBADF);
    assert_false(got.received[0]);
    finish();

    memset(&got, 0, sizeof(got));
    begin(silence);
    fd = mark.fd;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_int_equal(dup2(ends[0], fd), fd);
    put("ping\n", false, 3000);
    assert_int_equal(link_step(l), -EBADF);
    finish();
    assert_int_equal(recv(ends[1], ends, 1, MSG_DONTWAIT), -1);
    assert_true(fcntl(fd, F_GETFD) >= 0);
    close(fd), close(ends[0]), close(ends[1]);
}

static void a_link_is_never_a_standard_descriptor(void **state)
{
    (void)state;
    int saved = dup(STDIN_FILENO);

    close(STDIN_FILENO);
    begin(silence);
    assert_true(mark.fd > STDERR_FILENO);
    finish();
    dup2(saved, STDIN_FILENO);
    close(saved);
}

static void what_was_sent_is_wiped(void **state)
{
    (void)state;
    memset(&got, 0, sizeof(got));
    begin(hang_up);
    put("verify token=secret-secret-secret\n", false, 3000);
    assert_non_null(memmem(l, sizeof(*l), "secret", 6));
    settle(3000);
    assert_null(memmem(l, sizeof(*l), "secret", 6));
    finish();
    begin(silence);             /* what was not sent is wiped too */
    put("verify token=secret-secret-secret\n", false, 3000);
    finish();
    assert_false(link_ask(l, slice_of("verify token=secret\n"), false, note, &got, 0));
    assert_null(memmem(l, sizeof(*l), "secret", 6));
}

static void nothing(int signal)
{
    (void)signal;
}

static void slow(int fd)
{
    wait_for_line(fd);
    usleep(100000);
    say(fd, "OK n=1\n");
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

/* -- whom to believe --------------------------------------------------------------------------- */

static int try(const char *path)
{
    int error = link_open(l, &mark, path, link_now() + 200);

    link_drop(l);
    return error;
}

static void connecting_to_nobody_fails_in_time(void **state)
{
    (void)state;
    char path[108];
    int64_t begun = link_now();
    int filler[64], count = 0, error = 0;

    assert_int_equal(try("/nonexistent/s"), -ENOENT);
    snprintf(path, sizeof(path), "%s/t", server.directory);
    close(listen_at(path));
    assert_int_equal(try(path), -ECONNREFUSED);
    int listener = listen_at(path);
    listen(listener, 0);
    while (error == 0) {                /* nobody accepts: the queue fills up */
        struct link_mark m = { .held = false };
        static struct link other;
        other = (struct link){ .mark = NULL };
        error = link_open(&other, &m, path, 0);
        filler[count++] = m.fd;
    }
    assert_int_equal(error, -EAGAIN);
    begun = link_now();
    assert_int_equal(try(path), -EAGAIN);
    assert_in_range(link_now() - begun, 150, 3000);
    while (--count > 0)
        close(filler[count - 1]);
    close(listener);
    unlink(path);
}

static void a_path_that_others_may_change_is_not_believed(void **state)
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
    static const struct { mode_t mode; int error; } modes[] = {
        { 0755, 0 }, { 0775, -EPERM }, { 0757, -EPERM }, { 0720, -EPERM }, { 01777, 0 },
        { 0700, 0 },
    };
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        chmod(server.directory, modes[i].mode);
        assert_int_equal(try(server.path), modes[i].error);
    }
    chmod(server.path, 0666);
    assert_int_equal(try(server.path), 0);
    if (geteuid() != 0)
        return;                 /* the rest needs other users */
    assert_int_equal(chown(server.path, 4711, 0), 0);
    assert_int_equal(try(server.path), -EPERM);     /* neither ours nor the server's */
    assert_int_equal(chown(server.path, 0, 0), 0);
    assert_int_equal(chown(server.directory, 4711, 0), 0);
    assert_int_equal(try(server.path), -EPERM);
    assert_int_equal(chown(server.directory, 0, 0), 0);
    assert_int_equal(try(server.path), 0);
}

/* A server that runs as somebody else, in a directory and with a socket of these owners. */
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
        bool well = bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
                    chown(path, file, 0) == 0 && chmod(path, 0666) == 0 &&
                    chown(server.directory, directory, 0) == 0 &&
                    chmod(server.directory, mode) == 0 && setuid(serving) == 0 &&
                    listen(fd, 8) == 0;
        (void)!write(ready[1], well ? "y" : "n", 1);
        pause();
        _exit(0);
    }
    char said = 'n';
    assert_true(read(ready[0], &said, 1) == 1 && said == 'y');
    int error = try(path);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    close(ready[0]), close(ready[1]);
    assert_int_equal(chown(server.directory, 0, 0), 0);
    chmod(server.directory, 0700);
    unlink(path);
    return error;
}

static void a_server_is_believed_for_its_user_and_its_path(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(try_server(0, 0, 0, 0755), 0);
    assert_int_equal(try_server(4711, 0, 4711, 0755), 0);       /* the daemon's own user */
    assert_int_equal(try_server(4711, 0, 0, 0755), -EPERM);     /* somebody took root's socket */
    assert_int_equal(try_server(4711, 4711, 0, 0755), -EPERM);
    assert_int_equal(try_server(4711, 0, 4712, 0755), -EPERM);
    assert_int_equal(try_server(4711, 4712, 4711, 0755), -EPERM);
    assert_int_equal(try_server(4711, 0, 4711, 01777), -EPERM); /* anybody could have made it */
    assert_int_equal(try_server(0, 0, 4711, 01777), -EPERM);
    /* The directory of this one lies in /tmp, where the server could have made it himself. */
    assert_int_equal(try_server(4711, 4711, 4711, 0755), -EPERM);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, prepare, tidy)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SERVER(replies_come_in_the_order_of_the_questions),
        WITH_SERVER(a_word_of_a_later_version_is_a_refusal_or_no_answer),
        WITH_SERVER(malformed_replies_are_no_answer),
        WITH_SERVER(broken_conversations_are_no_answer),
        WITH_SERVER(a_deadline_ends_silence_and_floods_alike),
        WITH_SERVER(the_descriptor_of_a_reply_is_closed_unless_kept),
        WITH_SERVER(descriptors_that_nobody_asked_for_are_closed_and_end_the_link),
        WITH_SERVER(a_descriptor_belongs_to_the_reply_it_came_with),
        WITH_SERVER(without_room_for_the_descriptor_the_reply_still_counts),
        WITH_SERVER(a_descriptor_that_the_host_closed_or_reused_is_left_alone),
        WITH_SERVER(a_link_is_never_a_standard_descriptor),
        WITH_SERVER(what_was_sent_is_wiped),
        WITH_SERVER(signals_do_not_disturb_waiting),
        WITH_SERVER(connecting_to_nobody_fails_in_time),
        WITH_SERVER(a_path_that_others_may_change_is_not_believed),
        WITH_SERVER(a_server_is_believed_for_its_user_and_its_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
