/* SPDX-License-Identifier: Apache-2.0 */
/* Lower bounds for servers over a Unix socket: send back what was received, or the same to everybody.
 *
 *     baseline echo SOCKET        through libevent, any number of connections
 *     baseline http SOCKET        through libevent, 200 for every head of an HTTP request
 *     baseline pingpong SOCKET    one connection after the other, in blocking calls
 *     baseline bare SOCKET KEYS   through libevent, with a minimal verifier
 *     baseline syscall            print the time that an empty system call takes */
#include <errno.h>
#include <event2/event.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/bench/minimal_verifier.h"
#include "tests/bench/seconds.h"

enum { BUFFER_SIZE = 16 * 1024 };

static char buffer[BUFFER_SIZE];
static bool (*answer)(int fd);

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int listen_at(const char *path, int flags)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    unlink(path);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 512) < 0)
        die(path);
    return fd;
}

/* Echo one read; false: the client has gone.  Its closed loop never has more in flight than the
 * socket buffer holds. */
static bool echo(int fd)
{
    ssize_t len = recv(fd, buffer, sizeof(buffer), 0);

    if (len < 0)
        return errno == EAGAIN;
    return len > 0 && send(fd, buffer, (size_t)len, MSG_NOSIGNAL) == len;
}

/* Answer each empty line: a head that comes in two reads is counted when it ends. */
static bool http(int fd)
{
    static const char response[] = "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nX-Jeton-Id: 0\r\n"
                                   "X-Jeton-Subject: \r\nX-Jeton-Scopes: \r\nX-Jeton-Expires: \r\n"
                                   "X-Jeton-Verifier: local\r\nContent-Length: 0\r\n\r\n";
    static char out[BUFFER_SIZE * 4];
    ssize_t len = recv(fd, buffer, sizeof(buffer), 0);
    size_t filled = 0;

    if (len < 0)
        return errno == EAGAIN;
    for (char *at = buffer; (at = memmem(at, (size_t)(buffer + len - at), "\r\n\r\n", 4)) != NULL &&
                            filled + sizeof(response) <= sizeof(out);
         at += 4) {
        memcpy(out + filled, response, sizeof(response) - 1);
        filled += sizeof(response) - 1;
    }
    return len > 0 && send(fd, out, filled, MSG_NOSIGNAL) == (ssize_t)filled;
}

static void on_read(evutil_socket_t fd, short what, void *argument)
{
    struct event **event = argument;

    (void)what;
    if (answer(fd))
        return;
    event_free(*event);
    free(event);
    close(fd);
}

static void on_accept(evutil_socket_t listener, short what, void *base)
{
    struct event **event = malloc(sizeof(*event));
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    (void)what;
    if (event == NULL || fd < 0)
        die("accept");
    *event = event_new(base, fd, EV_READ | EV_PERSIST, on_read, event);
    event_add(*event, NULL);
}

static void serve_events(const char *path)
{
    struct event_config *config = event_config_new();

    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    struct event_base *base = event_base_new_with_config(config);
    int listener = listen_at(path, SOCK_NONBLOCK);
    event_add(event_new(base, listener, EV_READ | EV_PERSIST, on_accept, base), NULL);
    event_base_dispatch(base);
}

static void serve_blocking(const char *path)
{
    for (int listener = listen_at(path, 0);;) {
        int fd = accept(listener, NULL, NULL);
        while (fd >= 0 && echo(fd))
            continue;
        close(fd);
    }
}

/* Time a system call that only enters the kernel and returns. */
static void time_system_calls(void)
{
    enum { TIMES = 300000 };
    double start = seconds();

    for (int i = 0; i < TIMES; i++)
        syscall(SYS_getppid);
    printf("ns=%.1f\n", (seconds() - start) / TIMES * 1e9);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "syscall") == 0) {
        time_system_calls();
        return 0;
    }
    if (argc < 3 || sodium_init() < 0)
        return 2;
    if (strcmp(argv[1], "pingpong") == 0)
        serve_blocking(argv[2]);
    answer = argc > 3 ? minimal_verifier_answer : strcmp(argv[1], "http") == 0 ? http : echo;
    if (argc > 3 && !minimal_verifier_init(strtoull(argv[3], NULL, 10)))
        die("table");
    serve_events(argv[2]);
    return 0;
}
