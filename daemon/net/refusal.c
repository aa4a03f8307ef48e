/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/refusal.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "proto/reply.h"

enum { CLIENTS_MAX = 128 };

#define DURATION (UINT64_C(1000) * 1000000) /* nanoseconds */

struct client {
    enum role role;
    bool answered;
};

struct refusal {
    const struct listen_fds *inherited;
    const char *why;
    size_t clients;
    struct client client[CLIENTS_MAX];
    struct pollfd poll[LISTEN_FDS_MAX + CLIENTS_MAX]; /* the sockets, then the clients */
};

static void answer(const struct refusal *r, struct client *c, int fd)
{
    char reply[512], message[320];
    struct text t = text_in(reply, sizeof(reply)), m = text_in(message, sizeof(message) - 1);

    text_addf(&m, "jetond cannot start: %s",
              c->role == ROLE_ADMIN ? r->why : "its log has the reason (journalctl -u jetond)");
    message[m.len] = '\0';
    reply_plain(&t, STATUS_UNAVAILABLE, message);
    send(fd, t.at, t.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    shutdown(fd, SHUT_WR);
    c->answered = true;
}

/* Read what a client sends, so that closing the connection does not take the answer back.  False:
 * it has closed the connection. */
static bool serve_client(const struct refusal *r, struct client *c, int fd)
{
    char bytes[4096];
    ssize_t got = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

    if (got > 0 && !c->answered && memchr(bytes, '\n', (size_t)got) != NULL)
        answer(r, c, fd);
    return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

static void accept_client(struct refusal *r, unsigned socket)
{
    int fd = accept4(r->poll[socket].fd, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0)
        return;
    r->client[r->clients] = (struct client){ .role = r->inherited->socket[socket].role };
    r->poll[r->inherited->count + r->clients++] = (struct pollfd){ .fd = fd, .events = POLLIN };
}

static void drop_client(struct refusal *r, size_t at)
{
    struct pollfd *client = &r->poll[r->inherited->count];

    close(client[at].fd);
    r->clients--;
    client[at] = client[r->clients];
    r->client[at] = r->client[r->clients];
}

static void step(struct refusal *r, int milliseconds)
{
    unsigned sockets = r->inherited->count;
    size_t before = r->clients;

    for (unsigned i = 0; i < sockets; i++)
        r->poll[i].events = before < CLIENTS_MAX ? POLLIN : 0;
    if (poll(r->poll, sockets + before, milliseconds) <= 0)
        return;
    for (size_t i = before; i-- > 0;)
        if (r->poll[sockets + i].revents != 0 &&
            !serve_client(r, &r->client[i], r->poll[sockets + i].fd))
            drop_client(r, i);
    for (unsigned i = 0; i < sockets && r->clients < CLIENTS_MAX; i++)
        if (r->poll[i].revents != 0)
            accept_client(r, i);
}

void refusal_serve(const struct listen_fds *inherited, const char *why)
{
    static struct refusal r;
    uint64_t start = clock_monotonic(), now = start;

    if (inherited->count == 0)
        return;
    r = (struct refusal){ .inherited = inherited, .why = why };
    for (unsigned i = 0; i < inherited->count; i++)
        r.poll[i].fd = inherited->socket[i].fd;
    for (; now - start < DURATION; now = clock_monotonic())
        step(&r, (int)((DURATION - (now - start)) / 1000000) + 1);
    while (r.clients > 0)
        drop_client(&r, 0);
}
