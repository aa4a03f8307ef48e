/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/connection.h"

#include <errno.h>
#include <sodium.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { DESCRIPTORS_MAX = 8 }; /* jetond sends one */

static int send_some(struct cli_connection *conn);
static int receive_some(struct cli_connection *conn);

/* -- opening and closing ---------------------------------------------------------------------- */

/* Connect the socket.  The send timeout also bounds the wait for space in the listener's queue. */
static int connect_to(int fd, int timeout, const struct sockaddr_un *address)
{
    struct timeval wait = { timeout / 1000, timeout % 1000 * 1000 };

    if (timeout > 0 && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) < 0)
        return -errno;
    if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
        return 0;
    return errno == EAGAIN ? -ETIMEDOUT : -errno;
}

int cli_connection_open(struct cli_connection *conn, const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    size_t len = strlen(path);

    if (len >= sizeof(address.sun_path))
        return -ENAMETOOLONG;
    memcpy(address.sun_path, path, len + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int error = connect_to(fd, conn->timeout, &address);
    conn->distrust[0] = '\0';
    if (error == 0)
        error = cli_server_trust_check(fd, path, conn->distrust);
    if (error != 0) {
        close(fd);
        return error;
    }
    conn->fd = fd;
    conn->write_closed = false;
    return 0;
}

void cli_connection_close(struct cli_connection *conn)
{
    if (conn->fd >= 0)
        close(conn->fd);
    if (conn->descriptor >= 0)
        close(conn->descriptor);
    conn->fd = conn->descriptor = -1;
    cli_buffer_free(&conn->out);
    sodium_memzero(conn->in, sizeof(conn->in));
    conn->begin = conn->end = 0;
}

void cli_connection_queue(struct cli_connection *conn, struct slice bytes)
{
    if (!conn->write_closed)
        cli_buffer_add(&conn->out, bytes.at, bytes.len);
}

/* -- bytes ------------------------------------------------------------------------------------ */

int cli_connection_wait(struct cli_connection *conn, struct pollfd *other, int wait)
{
    struct pollfd fds[2] = { { .fd = conn->fd, .events = POLLIN }, { .fd = -1 } };
    int error = 0;

    if (conn->out.len > 0)
        fds[0].events |= POLLOUT;
    if (other != NULL)
        fds[1] = *other;
    int ready = poll(fds, 2, wait);
    if (ready < 0)
        return errno == EINTR ? 0 : -errno;
    if (other != NULL)
        other->revents = fds[1].revents;
    if (ready == 0)
        return -ETIMEDOUT;
    if (fds[0].revents & POLLOUT)
        error = send_some(conn);
    if (error == 0 && (fds[0].revents & ~POLLOUT) != 0)
        error = receive_some(conn);
    return error;
}

/* Send queued bytes.  It is no error yet if the daemon reads no more: it may have sent the reason,
 * which is still to be received. */
static int send_some(struct cli_connection *conn)
{
    ssize_t sent = send(conn->fd, conn->out.at, conn->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) {
        conn->write_closed = true;
        cli_buffer_clear(&conn->out);
        return 0;
    }
    if (sent < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    cli_buffer_drop(&conn->out, (size_t)sent);
    return 0;
}

static void take_descriptors(struct cli_connection *conn, struct msghdr *message)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t at = CMSG_LEN(0); at + sizeof(int) <= c->cmsg_len; at += sizeof(int)) {
            if (conn->descriptor >= 0)
                close(conn->descriptor);
            memcpy(&conn->descriptor, (const char *)c + at, sizeof(int));
        }
    }
}

static int receive_some(struct cli_connection *conn)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
    } control;
    struct iovec space;
    struct msghdr message = {
        .msg_iov = &space,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof(control.bytes),
    };

    memmove(conn->in, conn->in + conn->begin, conn->end - conn->begin);
    conn->end -= conn->begin;
    conn->begin = 0;
    if (conn->end == sizeof(conn->in))
        return memchr(conn->in, '\n', conn->end) != NULL ? 0 : -EPROTO;
    space = (struct iovec){ conn->in + conn->end, sizeof(conn->in) - conn->end };
    ssize_t got = recvmsg(conn->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    take_descriptors(conn, &message);
    conn->end += (size_t)got;
    return got > 0 ? 0 : -ECONNRESET;
}

/* -- lines ------------------------------------------------------------------------------------ */

int cli_connection_take(struct cli_connection *conn, struct reply *reply)
{
    char *at = conn->in + conn->begin;
    char *end = memchr(at, '\n', conn->end - conn->begin);

    if (end == NULL)
        return 0;
    conn->begin += (size_t)(end - at) + 1;
    return reply_parse(at, (size_t)(end - at), reply) ? 1 : -EPROTO;
}

int cli_connection_next(struct cli_connection *conn, struct reply *reply)
{
    int error = 0, taken;

    while ((taken = cli_connection_take(conn, reply)) == 0 && error == 0)
        error = cli_connection_wait(conn, NULL, conn->timeout);
    return taken > 0 ? 0 : taken < 0 ? taken : error;
}

const char *cli_connection_strerror(int error)
{
    static const struct {
        int error;
        const char *why;
    } reasons[] = {
        { -ETIMEDOUT, "no answer in time; see --timeout" },
        { -ECONNRESET, "the connection ended before the answer" },
        { -EPROTO, "the server is not jetond" },
        { -ENAMETOOLONG, "the path is too long for a socket" },
    };

    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].error == error)
            return reasons[i].why;
    return strerror(-error);
}
