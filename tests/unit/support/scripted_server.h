/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of the library's connection: a server on a private socket that follows a script. */
#ifndef JETON_TESTS_UNIT_SUPPORT_SCRIPTED_SERVER_H
#define JETON_TESTS_UNIT_SUPPORT_SCRIPTED_SERVER_H

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
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plugin/lib/connection.h"

/* -- the server ------------------------------------------------------------------------------- */

/* Every test that includes this uses some of it; not every one uses all of it. */
#pragma GCC diagnostic ignored "-Wunused-function"

enum { PATIENCE = 30000 }; /* milliseconds to wait for the other thread */

typedef void script(int fd);

static struct {
    char directory[64];
    char path[108];
    int listener;
    pthread_t thread;
    script *script;
} server;

static struct connection connection_of_test;
static struct connection *const conn = &connection_of_test;
static struct fd_identity identity;

static void wait_for_line(int fd)
{
    char byte = '\0';

    while (byte != '\n' && read(fd, &byte, 1) == 1)
        ;
}

static void send_text(int fd, const char *text)
{
    (void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
}

static void send_with_fds(int fd, const char *text, size_t len, const int *descriptors,
                          size_t count)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(16 * sizeof(int))];
    } control = { .bytes = { 0 } };
    struct iovec out = { (void *)(uintptr_t)text, len };
    struct msghdr message = { .msg_iov = &out,
                              .msg_iovlen = 1,
                              .msg_control = control.bytes,
                              .msg_controllen = CMSG_SPACE(count * sizeof(int)) };
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);

    *c = (struct cmsghdr){ .cmsg_len = CMSG_LEN(count * sizeof(int)),
                           .cmsg_level = SOL_SOCKET,
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

/* Start the server and connect to it.  Signals are delivered to the thread that tests. */
static void start_server(script *follows)
{
    sigset_t all, before;

    server.script = follows;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    assert_int_equal(pthread_create(&server.thread, NULL, serve, NULL), 0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    assert_int_equal(connection_open(conn, &identity, server.path, deadline_now() + PATIENCE), 0);
}

static void stop_server(void)
{
    connection_close(conn);
    pthread_join(server.thread, NULL);
}

static int setup(void **state)
{
    (void)state;
    snprintf(server.directory, sizeof(server.directory), "/tmp/jeton-connection-XXXXXX");
    assert_non_null(mkdtemp(server.directory));
    snprintf(server.path, sizeof(server.path), "%s/s", server.directory);
    server.listener = listen_at(server.path);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    close(server.listener);
    unlink(server.path);
    return rmdir(server.directory);
}

/* -- requests --------------------------------------------------------------------------------- */

static struct {
    unsigned count;
    bool received[300];
    enum status status[300];
    char n[300][64]; /* the value of n=, if any */
    int fd;
    bool keep;
} got;

static void record_reply(void *context, struct connection_reply *reply)
{
    unsigned i = got.count++;
    struct slice n = reply->received ? line_get(reply->line, "n") : (struct slice)SLICE("");

    assert_ptr_equal(context, &got);
    got.received[i] = reply->received;
    got.status[i] = reply->status;
    snprintf(got.n[i], sizeof(got.n[i]), "%.*s", (int)n.len, n.at != NULL ? n.at : "");
    if (reply->fd >= 0 && got.keep) {
        got.fd = reply->fd;
        reply->fd = -1;
    }
}

static void enqueue(const char *request, bool descriptor, int64_t wait)
{
    assert_true(connection_enqueue(conn, slice_of(request), descriptor, record_reply, &got,
                                   deadline_now() + wait));
}

static void wait_for_replies(int64_t wait)
{
    int64_t deadline = deadline_now() + wait;

    while (conn->count > 0 && connection_step(conn) == 0 && conn->count > 0)
        if (!connection_wait(conn, deadline))
            connection_close(conn);
}

/* Send what was asked, and wait until so many bytes have come. */
static void wait_for_bytes(int count)
{
    int there = 0;

    assert_int_equal(connection_send(conn), 0);
    for (int64_t end = deadline_now() + PATIENCE; there < count; usleep(500)) {
        assert_int_equal(ioctl(identity.fd, FIONREAD, &there), 0);
        assert_true(deadline_now() < end);
    }
}

/* Send one request to a server that follows the script; true if a reply was received. */
static bool answered(script *follows, bool descriptor)
{
    memset(&got, 0, sizeof(got));
    got.fd = -1;
    start_server(follows);
    enqueue("ping\n", descriptor, PATIENCE);
    wait_for_replies(PATIENCE);
    stop_server();
    assert_int_equal(got.count, 1);
    return got.received[0];
}

static unsigned open_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    unsigned count = 0;

    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}

static void hang_up(int fd)
{
    wait_for_line(fd);
}

static void silence(int fd)
{
    wait_for_line(fd);
    wait_for_line(fd);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

#endif
